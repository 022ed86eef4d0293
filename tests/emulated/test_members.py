"""Meshes as people have them: three regions and two accounts, two members in one region, members that come, go and are
away for long. The real binaries, each with its own account's credentials."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from conftest import THIRD
from product import EAST, WEST, Delivery, Product, addresses, findings, foreign, ids, too_early
from rig import ACCOUNT, OTHER_ACCOUNT, Fault, Rig, World

#: Short, for tests that are not about how long a peer is waited for.
SHORT_BUDGET = "[limits]\npeer_budget_ms = 600"
LONG_AGO = "2020-01-01T00:00:00Z"

_numbers = count(1)


def empty(rig: Rig) -> World:
    """A mesh without members, in an empty moto and with no fault in force."""
    rig.proxy.heal()
    rig.moto.reset()
    rig.proxy.reset_counts()
    return World(rig, mesh=f"wide-{next(_numbers)}", regions=())


def join(world: World, name: str, region: str | None = None, account: str | None = None) -> None:
    """A member with hooks and a table, reached through a role if its account is named."""
    role = f"arn:aws:iam::{account}:role/sgsync/{world.mesh}/from-{name}" if account else None
    world.add_member(name, region=region, account=account or ACCOUNT, role=role)
    world.put_hooks(name)
    world.create_table(name)


@pytest.fixture
def wide(rig: Rig) -> Iterator[World]:
    """Three regions, the last one in another account. Each is reached through a role."""
    world = empty(rig)
    for name, account in ((EAST, ACCOUNT), (WEST, ACCOUNT), (THIRD, OTHER_ACCOUNT)):
        join(world, name, account=account)
    yield world
    rig.proxy.heal()


@pytest.fixture
def side_by_side(rig: Rig) -> Iterator[World]:
    """Two members in one region, and one elsewhere."""
    world = empty(rig)
    for name, region in (("blue", EAST), ("green", EAST), (WEST, WEST)):
        join(world, name, region)
    yield world
    rig.proxy.heal()


def go_on(delivery: Delivery, expected: list[str]) -> None:
    """Every hook was answered CONTINUE, at once."""
    assert delivery.failed == []
    assert delivery.hooks == dict.fromkeys(expected, "CONTINUE")


def come_and_go(world: World, product: Product) -> None:
    """An instance comes to each member, and another one leaves it."""
    for name in world.members:
        leaving = world.instances(name)[0]["id"]
        events = product.launch(name, 1) + product.terminate(name, [leaving])
        assert {event["account"] for event in events} == {world.members[name].account}
        go_on(product.receive(events, name), ids(events))
        assert world.complete(), name
    assert too_early(world) == []


# -- two accounts -----------------------------------------------------------------------------------------------------


def test_instances_come_and_go_in_three_regions_and_two_accounts(wide: World) -> None:
    """Promise 3 everywhere; each role is assumed once a process, and nothing is left in an account that is not its own."""
    for name in wide.members:
        wide.seed(name, 2)
    before = foreign(wide)
    with Product(wide) as product:
        product.synced()
        come_and_go(wide, product)
        assert foreign(wide) == before
        # The true-up's process and the hooks' one, for two peers each.
        assert {wide.rig.proxy.calls(caller=name)["sts:AssumeRole"] for name in wide.members} == {4}
    for region in wide.members:
        for account in (ACCOUNT, OTHER_ACCOUNT):
            pages = wide.rig.client("dynamodb", region, account=account).get_paginator("list_tables").paginate()
            tables = {name for page in pages for name in page["TableNames"]}
            assert (wide.table in tables) == (wide.members[region].account == account)


@pytest.mark.parametrize("code", ["AccessDenied", "ExpiredToken"])
def test_a_role_that_is_denied_is_named_and_the_others_go_on(wide: World, code: str) -> None:
    """Promise 6: the peer counts as unreachable, the finding says as whom, and the next run heals it."""
    leaving = wide.seed(EAST, 2)[0]
    wide.seed(THIRD, 1)
    with Product(wide) as product:
        product.synced()
    there = wide.rules(THIRD)
    denied = Fault("error", region=THIRD, service="sts", caller=EAST, error_code=code, status=403)
    wide.rig.proxy.add(denied)
    with Product(wide) as product:
        events = product.launch(EAST, 1) + product.terminate(EAST, [leaving])
        delivery = product.receive(events)
        go_on(delivery, ids(events))
        (finding,) = findings(delivery.reports[0], "peer-unreachable")
        assert finding["subject"] == THIRD
        assert f"as {wide.members[THIRD].role}" in finding["detail"] and code in finding["detail"]
        assert wide.owned(EAST) == wide.owned(WEST) == wide.expected()
        assert wide.rules(THIRD) == there
        wide.rig.proxy.heal(denied)
        product.true_up(EAST)
        assert wide.complete()


def test_a_role_that_gives_another_accounts_credentials_is_not_used(wide: World) -> None:
    """Nothing is asked or changed with them; the finding says whose they are."""
    role = wide.members[THIRD].role or ""
    wide.rig.moto.answer_for_role(role, ACCOUNT)
    with Product(wide) as product:
        events = product.launch(EAST, 1)
        wide.rig.proxy.reset_counts()
        delivery = product.receive(events)
        go_on(delivery, ids(events))
        (finding,) = findings(delivery.reports[0], "peer-unreachable")
        assert f"credentials for {role} are of {ACCOUNT}: not used" in finding["detail"], finding
        assert set(wide.rig.proxy.calls(caller=EAST, region=THIRD)) == {"sts:AssumeRole"}
        assert wide.owned(EAST) == wide.owned(WEST) == wide.expected()
        assert wide.owned(THIRD) == set()


def test_an_event_of_another_account_touches_nothing(wide: World) -> None:
    """Design section 8, in either direction."""
    with Product(wide) as product:
        for name, other in ((EAST, OTHER_ACCOUNT), (THIRD, ACCOUNT)):
            (event,) = product.launch(name, 1)
            wide.rig.proxy.reset_counts()
            delivery = product.receive([event | {"account": other}], name)
            assert len(delivery.failed) == 1 and delivery.reports == []
            assert wide.rig.proxy.calls(caller=name) == {}


# -- members that come, go and are away -------------------------------------------------------------------------------


def test_a_member_joins_and_leaves_while_instances_launch(rig: Rig) -> None:
    """The new document reaches one region after the other, with hooks waiting in all of them; nobody is shut out who is
    in the mesh by every document, and in the end each document is what is."""
    world = empty(rig)
    for name in (EAST, WEST):
        join(world, name, account=ACCOUNT)
        world.seed(name, 1)
    with Product(world) as old:
        old.synced()
        join(world, THIRD, account=OTHER_ACCOUNT)
        world.seed(THIRD, 1)
        with Product(world) as new:
            deployed: dict[str, Product] = {EAST: old, WEST: old, THIRD: new}
            for at in (THIRD, EAST, WEST):
                deployed[at] = new
                kept = {name: world.owned(name) for name in (EAST, WEST)}
                for name, product in deployed.items():
                    events = product.launch(name, 1)
                    go_on(product.receive(events, name), ids(events))
                assert all(kept[name] <= world.owned(name) for name in kept), at
            for name in world.members:
                new.true_up(name)
            assert world.complete()
            # The third one's group admits launches of a region without its document when that region has it.
            assert {line.split(" in ")[1] for line in too_early(world)} == {THIRD}
            part(world, old, new)


def part(world: World, old: Product, new: Product) -> None:
    """The third member leaves, first by one region's document, then by the other's."""
    gone = {f"{address}/32" for address in addresses(world, THIRD).values()}
    events = new.launch(WEST, 1)
    old.true_up(EAST, allow_removals=True)
    go_on(new.receive(events, WEST), ids(events))
    old.true_up(WEST, allow_removals=True)
    old.true_up(EAST, allow_removals=True)
    for name in (EAST, WEST):
        held = {permission[3] for permission in world.owned(name)}
        assert held.isdisjoint(gone)
        assert held == {f"{ip}/32" for member in (EAST, WEST) for ip in addresses(world, member).values()}


def test_a_member_that_was_dark_for_hours_comes_back(wide: World) -> None:
    """Promises 2 and 6: its rules stay as they are although its row gets old, which is said; then its own next run and
    one of each other member make everything exact."""
    for name in wide.members:
        wide.seed(name, 2)
    with Product(wide, wide.mesh_toml(SHORT_BUDGET)) as product:
        product.synced()
        wide.rig.proxy.cut(THIRD, "refuse")
        for name in (EAST, WEST):
            leaving = wide.instances(name)[0]["id"]
            events = product.launch(name, 2) + product.terminate(name, [leaving])
            go_on(product.receive(events, name), ids(events))
            wide.client("dynamodb", name).update_item(
                TableName=wide.table,
                Key={"member": {"S": THIRD}, "asg": {"S": wide.members[THIRD].group}},
                UpdateExpression="SET observed_at = :then",
                ExpressionAttributeValues={":then": {"S": LONG_AGO}},
            )
        wide.seed(THIRD, 1)  # nobody hears of it
        known = {f"{ip}/32" for ip in addresses(wide, THIRD).values()}
        reports = [product.true_up(name) for name in (EAST, WEST)]
        for name, report in zip((EAST, WEST), reports, strict=True):
            assert [one["subject"] for one in findings(report, "peer-unreachable")] == [THIRD]
            assert findings(report, "peer-stale"), report["findings"]
            assert len(known & {permission[3] for permission in wide.owned(name)}) == 2
        wide.rig.proxy.heal()
        product.true_up(THIRD)
        for name in (EAST, WEST):
            product.true_up(name)
        assert wide.complete()


# -- two members in one region ----------------------------------------------------------------------------------------


def test_two_members_of_one_region_and_one_elsewhere(side_by_side: World) -> None:
    """Each has its functions, its table and its groups; instances come and go in all of them."""
    for name in side_by_side.members:
        side_by_side.seed(name, 2)
    before = foreign(side_by_side)
    with Product(side_by_side) as product:
        product.synced()
        come_and_go(side_by_side, product)
        assert foreign(side_by_side) == before
        for name in side_by_side.members:
            writers = {row["member"]["S"]: row["writer"]["S"].split("/")[0] for row in side_by_side.rows(name)}
            assert len(writers) == 3 and writers["blue"].endswith("blue") and writers["green"].endswith("green")


def test_a_members_function_answers_no_hook_of_its_neighbour(side_by_side: World) -> None:
    """A group is in one member only: the other one's function refuses its events and touches nothing."""
    with Product(side_by_side) as product:
        product.synced()
        events = product.launch("blue", 1)
        side_by_side.rig.proxy.reset_counts()
        delivery = product.receive(events, "green")
        assert len(delivery.failed) == 1 and delivery.reports == []
        assert side_by_side.rig.proxy.calls(caller="green") == {}
        go_on(product.receive(events, "blue"), ids(events))
        assert side_by_side.complete()
