"""`sgsync adopt`: from the 2017 tool's untagged rules to the mesh's own, without opening or closing anything."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

import readme
from product import EAST, WEST, Product
from rig import BASTION_CIDR, Rule, World

DONE, ERROR, PENDING = 0, 1, 2
STALE = "203.0.113.99/32"
Run = Callable[..., "CompletedProcess[str]"]
Rules = dict[str, set[Rule]]


@pytest.fixture
def old(world: World) -> World:
    """What the 2017 tool leaves behind: an untagged rule for every instance of both regions in both groups, one stale
    rule for an instance that is long gone, and the bastion rule of a person."""
    for region, count in ((EAST, 3), (WEST, 2)):
        world.seed(region, count)
    ranges = [{"CidrIp": cidr} for *_, cidr in sorted(world.expected())] + [{"CidrIp": STALE}]
    for region, member in world.members.items():
        world.rig.client("ec2", region).authorize_security_group_ingress(
            GroupId=member.security_group,
            IpPermissions=[{"IpProtocol": "tcp", "FromPort": 7000, "ToPort": 7001, "IpRanges": ranges}],
        )
    return world


@pytest.fixture
def sgsync(old: World, tmp_path: Path) -> Iterator[Run]:
    """Runs the command in a folder with the world's `mesh.toml`."""
    with Product(old) as product:
        yield lambda *arguments: product.sgsync(*arguments, folder=tmp_path)


def rules(world: World) -> Rules:
    return {region: world.rules(region) for region in world.members}


def ids(world: World) -> dict[str, set[str]]:
    """The rules that are there, whoever owns them."""
    return {region: {rule.id for rule in found} for region, found in rules(world).items()}


def changes(world: World) -> dict[str, int]:
    """Calls that changed a security group."""
    calls = world.rig.proxy.calls()
    wanted = ("AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress", "CreateTags")
    return {call: count for call, count in calls.items() if call.split(":")[1] in wanted}


def only(world: World, region: str, cidr: str) -> Rule:
    (rule,) = [rule for rule in world.rules(region) if rule.cidr == cidr]
    return rule


def test_a_2017_group_is_taken_over_without_opening_or_closing_anything(old: World, sgsync: Run) -> None:
    """Rule ids stay through the whole migration; then the mesh is in sync, and revokes what it adopted when its instance
    goes."""
    before = ids(old)
    assert sgsync("apply", "--yes").returncode == DONE  # writes the tables' rows; the old rules grant all that is wanted
    assert changes(old) == {}

    listed = sgsync("adopt")
    assert listed.returncode == PENDING and "to adopt: 10" in listed.stdout
    assert changes(old) == {}, "listing changes nothing"
    assert readme.missing("sgsync adopt", listed.stdout.replace(old.mesh, "orders-db"), readme.GUIDE) == []

    done = sgsync("adopt", "--yes")
    assert done.returncode == DONE and "adopted: 10" in done.stdout, done.stdout + done.stderr
    assert ids(old) == before
    assert set(changes(old)) == {"ec2:CreateTags"}
    assert old.complete(), "every wanted rule is the mesh's now"
    for region in old.members:
        for rule in old.rules(region):
            if rule.cidr in (STALE, BASTION_CIDR):
                assert not rule.tags
            else:
                home = EAST if rule.cidr[:-3] in {one["public_ip"] for one in old.instances(EAST)} else WEST
                assert dict(rule.tags) == {"sgsync:mesh": old.mesh, "sgsync:member": home}

    assert sgsync("plan").returncode == DONE, "in sync"
    assert sgsync("adopt").returncode == DONE, "nothing is left to adopt"

    leaving = old.instances(EAST)[0]
    old.terminate(leaving["id"], EAST)
    assert sgsync("apply", "--yes").returncode == DONE
    assert all(f"{leaving['public_ip']}/32" not in {rule.cidr for rule in old.rules(region)} for region in old.members)


def test_every_adopted_rule_leaves_an_audit_line(old: World, sgsync: Run) -> None:
    """Promise 8: who, what, before, after."""
    sgsync("apply", "--yes")
    done = sgsync("adopt", "--yes", "--output", "json")
    lines: list[dict[str, Any]] = [json.loads(line)["fields"] for line in done.stderr.splitlines()]
    adopted = {rule.id for region in old.members for rule in old.rules(region) if rule.mesh == old.mesh}
    assert {line["after"] for line in lines} == adopted and len(lines) == 10
    assert {(line["action"], line["before"]) for line in lines} == {("adopt", "foreign")}


def test_a_stale_rule_goes_only_when_it_is_named(old: World, sgsync: Run) -> None:
    """Named, it is adopted, and the next apply revokes it; the bastion rule cannot be named."""
    sgsync("apply", "--yes")
    sgsync("adopt", "--yes")
    stale = [only(old, region, STALE).id for region in (EAST, WEST)]
    assert sgsync("apply", "--yes").returncode == DONE
    assert all(only(old, region, STALE).mesh is None for region in old.members)

    bastion = only(old, EAST, BASTION_CIDR)
    refused = sgsync("adopt", "--yes", "--rule", bastion.id, "--rule", stale[0])
    assert refused.returncode == ERROR and bastion.id in refused.stderr
    assert only(old, EAST, STALE).mesh is None, "refused as a whole"

    named = sgsync("adopt", "--yes", "--rule", stale[0], "--rule", stale[1])
    assert named.returncode == DONE and "adopted: 2" in named.stdout, named.stdout + named.stderr
    assert sgsync("apply", "--yes").returncode == DONE
    left = {rule.cidr for region in old.members for rule in old.rules(region)}
    assert STALE not in left and BASTION_CIDR in left
    assert old.complete()


def test_unknown_is_not_unwanted(old: World, sgsync: Run) -> None:
    """Promise 2: before any run has written its row, nobody knows what is wanted, and nothing is adopted."""
    done = sgsync("adopt", "--yes")
    assert done.returncode == ERROR and "sgsync apply" in done.stdout
    assert changes(old) == {}


def test_a_rule_that_is_nowhere_is_an_error(old: World, sgsync: Run) -> None:
    """A typing error must not look like success."""
    sgsync("apply", "--yes")
    done = sgsync("adopt", "--yes", "--rule", "sgr-0123456789abcdef0")
    assert done.returncode == ERROR and "sgr-0123456789abcdef0" in done.stderr
    assert changes(old) == {}


def test_a_region_that_cannot_be_reached_does_not_keep_the_other_from_being_adopted(old: World, sgsync: Run) -> None:
    """The error is said, and counts; what could be seen is done."""
    sgsync("apply", "--yes")
    old.rig.proxy.cut(WEST, "refuse")
    done = sgsync("adopt", "--yes", "--output", "json")
    old.rig.proxy.heal()
    assert done.returncode == ERROR
    east, west = json.loads(done.stdout)["targets"]
    assert (east["region"], len(east["adopt"]), east["error"]) == (EAST, 5, None)
    assert all(line["adopted"] for line in east["adopt"])
    assert (west["region"], west["adopt"]) == (WEST, []) and west["error"]
    assert old.owned(EAST) == old.expected() and old.owned(WEST) == set()
