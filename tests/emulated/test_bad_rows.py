"""Rows that nobody here wrote, and groups that are gone: nothing opens, nothing is removed, and somebody is told."""

from __future__ import annotations

from typing import Any

import pytest

from product import EAST, WEST, Product, addresses, findings, foreign, ids
from rig import World

Row = dict[str, Any]


def addressed(*cidrs: Any) -> Row:
    """`instances` with one stranger."""
    values = [cidr if isinstance(cidr, dict) else {"S": cidr} for cidr in cidrs]
    return {"instances": {"M": {"i-0badbadbadbadbad0": {"L": values}}}}


#: What is changed in a good row.
POISON: dict[str, Row] = {
    "a wide CIDR": addressed("198.51.0.0/16"),
    "everybody": addressed("0.0.0.0/0"),
    "everybody beside a good address": addressed("198.51.100.9/32", "0.0.0.0/0"),
    "a private address": addressed("10.0.0.9/32"),
    "an IPv6 address": addressed("2001:db8::9/128"),
    "no address at all": addressed("orders.example.com"),
    "a number for an address": addressed({"N": "1"}),
    "a list for instances": {"instances": {"L": []}},
    "a text for instances": {"instances": {"S": "none"}},
    "a text for the version": {"version": {"S": "latest"}},
    "a version beyond all time": {"version": {"N": "99999999999999999999"}},
    "schema 2": {"schema": {"N": "2"}},
    "a text for the schema": {"schema": {"S": "1"}},
    "an unknown attribute": {"colour": {"S": "blue"}},
    "a time that is none": {"observed_at": {"S": "yesterday"}},
}


def poison(world: World, mirror: str, member: str, change: Row, drop: str | None = None) -> None:
    """Replaces a member's row in one mirror."""
    (row,) = [row for row in world.rows(mirror) if row["member"]["S"] == member]
    row |= change
    if drop:
        del row[drop]
    world.rig.client("dynamodb", mirror).put_item(TableName=world.table, Item=row)


def test_a_poisoned_row_is_rejected_whole_until_its_member_replaces_it(
    world: World, product: Product, subtests: pytest.Subtests
) -> None:
    """Promise 7, in both mirrors: a finding names each, the member's rules stay, and its own next run writes what is
    true again."""
    world.seed(WEST, 2)
    product.synced()
    before = {region: world.rules(region) for region in (EAST, WEST)}
    for what, changed in POISON.items():
        with subtests.test(what):
            for mirror in (EAST, WEST):
                poison(world, mirror, WEST, changed)
            rejected = [found["subject"] for found in findings(product.true_up(EAST), "row-rejected")]
            assert sorted(rejected) == [f"{WEST}/{world.members[WEST].group} in {mirror}" for mirror in (EAST, WEST)]
            assert {region: world.rules(region) for region in (EAST, WEST)} == before
            assert product.true_up(WEST)["groups"][0]["row"] == "written"
            assert findings(product.true_up(EAST), "row-rejected") == []
            assert {region: world.rules(region) for region in (EAST, WEST)} == before


@pytest.mark.parametrize("mirror", [EAST, WEST])
def test_a_member_that_replaces_its_own_poisoned_row_says_so(world: World, product: Product, mirror: str) -> None:
    """Promise 7, loudly: somebody wrote to the table, and after this run no trace of it is left to find."""
    world.seed(EAST, 2)
    product.synced()
    poison(world, mirror, EAST, POISON["everybody"])
    report = product.true_up(EAST)
    rejected = [found["subject"] for found in findings(report, "row-rejected")]
    assert rejected == [f"{EAST}/{world.members[EAST].group} in {mirror}"], report["findings"]


@pytest.mark.parametrize("mirror", [EAST, WEST])
def test_a_launch_goes_on_beside_a_poisoned_row_of_the_peer(world: World, product: Product, mirror: str) -> None:
    """The peer's rules stay, the own ones are added, and nothing opens that the row asks for."""
    world.seed(WEST, 2)
    product.synced()
    poison(world, mirror, WEST, POISON["everybody beside a good address"])
    events = product.launch(EAST, 1)
    assert product.receive(events).hooks == dict.fromkeys(ids(events), "CONTINUE")
    assert world.complete()


def test_a_row_without_its_version_is_rejected_and_replaced(world: World, product: Product) -> None:
    """As far as a row can be broken: the attribute that orders it is gone."""
    world.seed(WEST, 1)
    product.synced()
    for mirror in (EAST, WEST):
        poison(world, mirror, WEST, {}, drop="version")
    assert len(findings(product.true_up(EAST), "row-rejected")) == 2
    product.true_up(WEST)
    assert findings(product.true_up(EAST), "row-rejected") == []
    assert world.complete()


@pytest.mark.parametrize("mirror", [EAST, WEST])
def test_a_row_of_an_unknown_member_opens_nothing(world: World, product: Product, mirror: str) -> None:
    """Promise 7: the document names the members; a table does not make new ones."""
    world.seed(EAST, 1)
    product.synced()
    before = {region: world.rules(region) for region in (EAST, WEST)}
    (row, *_) = world.rows(mirror)
    for member, group in (("eu-west-1", "orders"), (WEST, "another-group")):
        stranger = row | addressed("198.51.100.9/32") | {"member": {"S": member}, "asg": {"S": group}}
        world.rig.client("dynamodb", mirror).put_item(TableName=world.table, Item=stranger)
    for region in (EAST, WEST):
        product.true_up(region)
    assert {region: world.rules(region) for region in (EAST, WEST)} == before


# -- what AWS answers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("region", [EAST, WEST])
def test_a_group_that_is_gone_is_a_finding_and_no_removal(world: World, product: Product, region: str) -> None:
    """Promise 2: unknown is not empty."""
    world.seed(EAST, 3)
    world.seed(WEST, 3)
    product.synced()
    before = {place: world.rules(place) for place in (EAST, WEST)}
    group = world.members[region].group
    world.rig.client("autoscaling", region).delete_auto_scaling_group(AutoScalingGroupName=group, ForceDelete=True)
    for place in (EAST, WEST):
        report = product.true_up(place, allow_removals=True)
        missing = [found["subject"] for found in findings(report, "group-missing")]
        assert missing == ([group] if place == region else [])
    assert {place: world.rules(place) for place in (EAST, WEST)} == before


def test_a_hook_of_a_group_that_is_gone_goes_back(world: World, product: Product) -> None:
    """Promise 2 with a hook: it may be a lagging read, so the message comes again; foreign rules and others stay."""
    world.seed(EAST, 2)
    product.synced()
    before, others = {place: world.rules(place) for place in (EAST, WEST)}, foreign(world)
    events = product.launch(EAST, 1)
    group = world.members[EAST].group
    world.rig.client("autoscaling", EAST).delete_auto_scaling_group(AutoScalingGroupName=group, ForceDelete=True)
    delivery = product.receive(events)
    assert delivery.failed == events
    assert findings(delivery.reports[0], "group-missing")
    assert {place: world.rules(place) for place in (EAST, WEST)} == before
    assert foreign(world) == others
    assert addresses(world, EAST) == {}
