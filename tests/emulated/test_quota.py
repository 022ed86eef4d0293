"""A full group: nobody who is not admitted is told to go on, and everybody who is left out is named.

AWS, and moto here, grants a group 60 rules; the bastion's is one of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest

from product import EAST, WEST, Delivery, Product, addresses, findings, foreign, ids, target, too_early
from rig import World

QUOTA = 60


def fill(world: World, product: Product, rules: int) -> None:
    """Brings both groups to so many rules, the bastion's included."""
    world.seed(EAST, 40)
    world.seed(WEST, rules - 41)
    product.synced()
    assert [len(world.rules(region)) for region in (EAST, WEST)] == [rules, rules]


def admitted_everywhere(world: World, launched: dict[str, str]) -> set[str]:
    """Which of these instances both groups let in."""
    sources = [{rule.cidr for rule in world.rules(region)} for region in (EAST, WEST)]
    return {instance for instance, ip in launched.items() if all(f"{ip}/32" in cidrs for cidrs in sources)}


def continued(world: World) -> set[str]:
    """Whose launch hooks were answered CONTINUE."""
    return {done["instance"] for done in world.rig.moto.completions() if done["result"] == "CONTINUE"}


def names_all(delivery: Delivery, launched: dict[str, str], left_out: Iterable[str], regions: Iterable[str]) -> bool:
    """Whether the last report names these, by instance and by permission, for the group of each of these regions."""
    report = delivery.reports[-1]
    return all(
        any(instance in found["detail"] for found in findings(report, "over-quota"))
        and f"tcp 7000-7001 {launched[instance]}/32" in target(report, region)["over_quota"]
        for instance in left_out
        for region in regions
    )


@pytest.mark.parametrize("limit", [60, 100], ids=["the document knows", "only AWS knows"])
def test_only_those_that_fit_in_both_groups_are_told_to_continue(
    world: World, product: Product, limit: int
) -> None:
    """Promise 3 with room for two of six; the document may believe that there is more."""
    product.configure(f"[limits]\nrules_per_group = {limit}")
    fill(world, product, QUOTA - 2)
    before = foreign(world)
    events = product.launch(EAST, 6)
    launched = {instance: addresses(world, EAST)[instance] for instance in ids(events)}
    delivery = product.drain(events)
    assert delivery.failed == []
    fitting = admitted_everywhere(world, launched)
    assert len(fitting) == 2
    assert continued(world) == fitting
    assert {instance for instance, result in delivery.hooks.items() if result == "ABANDON"} == set(launched) - fitting
    assert too_early(world) == []
    assert names_all(delivery, launched, set(launched) - fitting, (EAST, WEST))
    assert foreign(world) == before


def test_launches_one_by_one_fill_the_group_up_and_no_further(world: World, product: Product) -> None:
    """The same when every event is a run of its own, in two processes side by side."""
    fill(world, product, QUOTA - 2)
    events = product.launch(EAST, 6)
    with ThreadPoolExecutor(2) as pool:
        for done in pool.map(lambda job: product.drain([job[1]], EAST, job[0] % 2), enumerate(events)):
            assert done.failed == []
    assert too_early(world) == []
    results = product.results()
    assert all(results[instance] in (["CONTINUE"], ["ABANDON"]) for instance in ids(events))
    assert 1 <= len(continued(world)) <= 2


def test_the_document_may_prefer_an_instance_that_is_not_admitted(world: World, product: Product) -> None:
    """`on_launch_failure = "continue"`: all go on, and findings name those that are not let in."""
    product.configure('[hooks]\non_launch_failure = "continue"')
    fill(world, product, QUOTA - 2)
    events = product.launch(EAST, 6)
    delivery = product.drain(events)
    assert delivery.hooks == dict.fromkeys(ids(events), "CONTINUE")
    launched = {instance: addresses(world, EAST)[instance] for instance in ids(events)}
    left_out = set(launched) - admitted_everywhere(world, launched)
    assert len(left_out) == 4
    assert names_all(delivery, launched, left_out, (EAST, WEST))
    compromised = {found["subject"] for found in findings(delivery.reports[-1], "hook-compromised")}
    assert compromised == left_out


@pytest.mark.parametrize("limit", [60, 100], ids=["the document knows", "only AWS knows"])
def test_a_peer_whose_group_is_full_counts_as_much_as_ones_own(world: World, product: Product, limit: int) -> None:
    """Promise 3 names every reachable target: here somebody else's rules fill up the peer's group alone."""
    product.configure(f"[limits]\nrules_per_group = {limit}")
    fill(world, product, 50)
    for number in range(8):
        world.add_rule(WEST, f"203.0.113.{number}/32", 443)
    before = foreign(world)
    events = product.launch(EAST, 6)
    launched = {instance: addresses(world, EAST)[instance] for instance in ids(events)}
    delivery = product.drain(events)
    assert delivery.failed == []
    fitting = admitted_everywhere(world, launched)
    assert len(fitting) == 2
    assert continued(world) == fitting
    assert too_early(world) == []
    assert names_all(delivery, launched, set(launched) - fitting, [WEST])
    assert target(delivery.reports[-1], EAST)["over_quota"] == []
    assert foreign(world) == before


def test_a_full_group_makes_room_for_a_replacement(world: World, product: Product) -> None:
    """Promise 4's exception: one leaves while another comes, and the group is full to the last rule."""
    fill(world, product, QUOTA)
    leaving = sorted(addresses(world, EAST))[0]
    gone = product.terminate(EAST, [leaving])
    come = product.launch(EAST, 1)
    delivery = product.drain(gone + come)
    assert delivery.hooks == dict.fromkeys([leaving, *ids(come)], "CONTINUE")
    assert too_early(world) == []
    assert world.complete()


def test_room_that_appears_is_used_by_the_next_true_up(world: World, product: Product) -> None:
    """Whoever was left out is let in as soon as it fits; nobody has to ask."""
    product.configure('[hooks]\non_launch_failure = "continue"')
    fill(world, product, QUOTA)
    product.drain(product.launch(EAST, 1))
    assert not world.complete()
    for region in (EAST, WEST):
        (bastion,) = [rule for rule in world.rules(region) if rule.mesh is None]
        world.remove_rule(region, bastion.id)
    product.true_up()
    assert world.complete()


def test_launches_in_both_regions_at_once_share_what_room_there_is(world: World, product: Product) -> None:
    """Two members that want more than fits, at the same time: whoever continues is admitted in both groups."""
    fill(world, product, QUOTA - 4)
    events = {region: product.launch(region, 6) for region in (EAST, WEST)}
    with ThreadPoolExecutor(2) as pool:
        for done in pool.map(lambda region: product.drain(events[region], region), events):
            assert done.failed == []
    assert too_early(world) == []
    answered = product.results()
    assert all(len(answered[instance]) == 1 for region in events for instance in ids(events[region]))
    assert len(continued(world)) <= 4
