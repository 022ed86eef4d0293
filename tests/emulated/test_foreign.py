"""Rules of others, on any port: with id, tags and description, they are after everything what they were before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from product import EAST, WEST, Event, Product, addresses, findings, foreign, ids, target
from rig import World

TAGS = "TagSpecifications"


def rule_tags(**tags: str) -> list[dict[str, Any]]:
    listed = [{"Key": key.replace("__", ":"), "Value": value} for key, value in tags.items()]
    return [{"ResourceType": "security-group-rule", "Tags": listed}]


def permission(protocol: str, low: int, high: int, **source: Any) -> dict[str, Any]:
    ranges = {key: [value] for key, value in source.items()}
    ports = {} if protocol == "-1" else {"FromPort": low, "ToPort": high}
    return {"IpProtocol": protocol, **ports, **ranges}


def others(world: World, region: str) -> dict[str, tuple[dict[str, Any], list[dict[str, Any]]]]:
    """One rule of every sort that somebody else may have, with the tags it carries."""
    own_group = world.members[region].security_group
    note = {"Description": "ask the platform team"}
    return {
        "the bastion's port": (permission("tcp", 22, 22, IpRanges={"CidrIp": "203.0.113.22/32", **note}), []),
        "the mesh's ports": (permission("tcp", 7000, 7001, IpRanges={"CidrIp": "203.0.113.70/32", **note}), []),
        "one of the mesh's ports": (permission("tcp", 7000, 7000, IpRanges={"CidrIp": "203.0.113.71/32"}), []),
        "a range around them": (permission("tcp", 6000, 8000, IpRanges={"CidrIp": "203.0.113.72/32"}), []),
        "the whole world": (permission("tcp", 7000, 7001, IpRanges={"CidrIp": "0.0.0.0/0", **note}), []),
        "all traffic": (permission("-1", -1, -1, IpRanges={"CidrIp": "10.0.0.0/8"}), []),
        "all traffic of everybody": (permission("-1", -1, -1, IpRanges={"CidrIp": "0.0.0.0/0"}), []),
        "icmp": (permission("icmp", 8, -1, IpRanges={"CidrIp": "0.0.0.0/0"}), []),
        "udp on the mesh's ports": (permission("udp", 7000, 7001, IpRanges={"CidrIp": "203.0.113.73/32"}), []),
        "ipv6": (permission("tcp", 7000, 7001, Ipv6Ranges={"CidrIpv6": "2001:db8::7/128"}), []),
        "the whole ipv6 world": (permission("tcp", 443, 443, Ipv6Ranges={"CidrIpv6": "::/0", **note}), []),
        "the group itself": (permission("tcp", 7000, 7001, UserIdGroupPairs={"GroupId": own_group, **note}), []),
        "another mesh": (
            permission("tcp", 7000, 7001, IpRanges={"CidrIp": "203.0.113.74/32", "Description": "sgsync other i-1"}),
            rule_tags(sgsync__mesh="other", sgsync__member=region),
        ),
        "a mesh whose name begins alike": (
            permission("tcp", 7000, 7001, IpRanges={"CidrIp": "203.0.113.75/32"}),
            rule_tags(sgsync__mesh=f"{world.mesh}-2", sgsync__member=region),
        ),
        "a description like ours, and no tag": (
            permission(
                "tcp", 7000, 7001, IpRanges={"CidrIp": "203.0.113.76/32", "Description": f"sgsync {world.mesh} i-1"}
            ),
            [],
        ),
        "a member's tag alone": (
            permission("tcp", 7000, 7001, IpRanges={"CidrIp": "203.0.113.77/32"}),
            rule_tags(sgsync__member=region, team="platform"),
        ),
    }


@pytest.fixture
def crowded(world: World) -> World:
    """Both groups hold one rule of every sort."""
    for region, member in world.members.items():
        for wanted, tags in others(world, region).values():
            given = {TAGS: tags} if tags else {}
            world.rig.client("ec2", region).authorize_security_group_ingress(
                GroupId=member.security_group, IpPermissions=[wanted], **given
            )
    return world


def test_every_sort_is_there_to_begin_with(crowded: World) -> None:
    """The tests below compare what is really there."""
    found = foreign(crowded)
    assert [len(found[region]) for region in (EAST, WEST)] == [18, 18]  # with the bastion's, and one for egress
    assert sum(bool(rule.get("Tags")) for rule in found[EAST]) == 3
    assert sum(bool(rule.get("Description")) for rule in found[EAST]) == 7


def test_foreign_rules_survive_a_whole_life(crowded: World, product: Product, tmp_path: Path) -> None:
    """Promise 1: launches, terminations, true-ups, drift, a lost table, and an operator who allows every removal."""
    before = foreign(crowded)
    product.synced()
    assert product.drain(product.launch(EAST, 4)).failed == []
    assert product.drain(product.launch(WEST, 3), WEST).failed == []
    assert crowded.complete()
    assert foreign(crowded) == before
    leaving = list(addresses(crowded, EAST))[:3]
    assert product.drain(product.terminate(EAST, leaving)).failed == []
    assert crowded.complete()
    assert foreign(crowded) == before
    owned = next(rule for rule in crowded.rules(WEST) if rule.mesh == crowded.mesh)
    crowded.remove_rule(WEST, owned.id)
    product.true_up(WEST, allow_removals=True)
    assert crowded.complete()
    assert product.sgsync("apply", "--yes", "--allow-removals", folder=tmp_path).returncode == 0
    assert crowded.complete()
    assert foreign(crowded) == before


def test_foreign_rules_survive_a_full_group(crowded: World, product: Product) -> None:
    """Promise 1 against promise 4's exception: room is never made at somebody else's expense."""
    before = foreign(crowded)
    crowded.seed(EAST, 46)  # one more than is left: fourteen rules here count as IPv4, and one as both families
    for region in (EAST, WEST):
        report = product.true_up(region)
        assert target(report, region)["over_quota"]
    leaving = list(addresses(crowded, EAST))[:2]
    product.drain(product.launch(EAST, 3) + product.terminate(EAST, leaving))
    assert foreign(crowded) == before


def test_a_foreign_rule_that_grants_what_is_wanted_is_enough(world: World, product: Product) -> None:
    """EC2 holds a permission once: somebody's own rule for an instance counts, and outlives the instance."""
    address = "54.210.99.7"
    world.rig.moto.next_addresses(address)
    wanted = permission("tcp", 7000, 7001, IpRanges={"CidrIp": f"{address}/32", "Description": "by hand"})
    for region, member in world.members.items():
        world.rig.client("ec2", region).authorize_security_group_ingress(
            GroupId=member.security_group, IpPermissions=[wanted]
        )
    before = foreign(world)
    product.true_up()
    events: list[Event] = product.launch(EAST, 1)
    assert product.drain(events).hooks == dict.fromkeys(ids(events), "CONTINUE")
    assert addresses(world, EAST) == {ids(events)[0]: address}
    assert foreign(world) == before
    assert world.owned(EAST) == world.owned(WEST) == set()
    gone = product.drain(product.terminate(EAST, ids(events)))
    assert gone.hooks == dict.fromkeys(ids(events), "CONTINUE")
    assert foreign(world) == before


def test_a_true_up_names_foreign_rules_in_the_meshs_ports_only(crowded: World, product: Product) -> None:
    """A person should know who else opens 7000-7001; what happens on port 22 is nobody's business here."""
    report = product.true_up()
    here = crowded.members[EAST].security_group
    named = " ".join(found["detail"] for found in findings(report, "foreign-rule") if found["subject"] == here)
    for rule in foreign(crowded)[EAST]:
        if rule["IsEgress"]:
            continue
        ports = range(rule["FromPort"], rule["ToPort"] + 1)
        overlaps = rule["IpProtocol"] == "-1" or (rule["IpProtocol"] == "tcp" and {7000, 7001} & set(ports))
        assert (rule["SecurityGroupRuleId"] in named) == bool(overlaps), rule
    assert target(report, EAST)["foreign"] == 17
