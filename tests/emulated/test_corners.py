"""The corners of an instance's life that the emulators have (docs/semantics.md), by the calls that people make and the
bodies that AWS sends. Warm pools, instance refresh and Spot are played in the simulation alone."""

from __future__ import annotations

from typing import Any

import pytest

from product import EAST, WEST, Product, addresses, findings, foreign
from rig import World
from test_events import fixture


def admitted(world: World) -> set[str]:
    """The addresses that the mesh lets in; both regions let in the same ones."""
    (there, here) = ({permission[3] for permission in world.owned(region)} for region in (EAST, WEST))
    assert there == here
    return {cidr.removesuffix("/32") for cidr in there}


def owned_ids(world: World) -> set[str]:
    """The mesh's rules by id: one that is taken away and put back is another one."""
    return {rule.id for region in (EAST, WEST) for rule in world.rules(region) if rule.mesh}


def tell(product: Product, instance: str, name: str, **detail: str) -> dict[str, Any]:
    """Hands a body to the function; its report."""
    event = fixture(name, product.world, instance)
    delivery = product.receive([event | {"detail": event["detail"] | detail}])
    assert delivery.failed == []
    (report,) = delivery.reports
    return dict(report)


@pytest.fixture
def two(world: World, product: Product) -> list[str]:
    """Two instances in the east, in service and admitted."""
    seeded = world.seed(EAST, 2)
    product.synced()
    return seeded


def test_who_stops_goes_with_the_news_and_who_starts_comes_with_it(
    world: World, product: Product, two: list[str]
) -> None:
    """The public address is given back, and another one comes."""
    stopping, staying = two
    before = addresses(world, EAST)
    world.client("ec2", EAST).stop_instances(InstanceIds=[stopping])
    tell(product, stopping, "eventbridge-state-change", state="stopped")
    assert admitted(world) == {before[staying]}
    world.client("ec2", EAST).start_instances(InstanceIds=[stopping])
    after = addresses(world, EAST)
    assert after[stopping] not in (None, before[stopping])
    tell(product, stopping, "eventbridge-state-change", state="running")
    assert admitted(world) == set(after.values())
    assert world.complete()


def test_another_address_of_a_running_instance_is_followed(
    world: World, product: Product, two: list[str]
) -> None:
    """An Elastic IP comes in place of the public address, and goes again. No event tells of it, so the true-up does it."""
    moving, staying = two
    before, ec2 = addresses(world, EAST), world.client("ec2", EAST)
    elastic = ec2.allocate_address(Domain="vpc")
    association = ec2.associate_address(InstanceId=moving, AllocationId=elastic["AllocationId"])["AssociationId"]
    assert addresses(world, EAST)[moving] == elastic["PublicIp"] != before[moving]
    product.true_up(EAST)
    assert admitted(world) == {elastic["PublicIp"], before[staying]}
    ec2.disassociate_address(AssociationId=association)
    shown = addresses(world, EAST)[moving]
    assert shown not in (None, elastic["PublicIp"])
    product.true_up(EAST)
    assert admitted(world) == {shown, before[staying]}


def test_standby_and_back_changes_no_rule(world: World, product: Product, two: list[str]) -> None:
    """Who is on standby is in the cluster."""
    auto_scaling, group = world.client("autoscaling", EAST), world.members[EAST].group
    rules = owned_ids(world)
    auto_scaling.enter_standby(
        AutoScalingGroupName=group, InstanceIds=two[:1], ShouldDecrementDesiredCapacity=True
    )
    assert [one["id"] for one in world.instances(EAST, "Standby")] == two[:1]
    tell(product, two[0], "scheduled-rule")
    assert owned_ids(world) == rules
    auto_scaling.exit_standby(AutoScalingGroupName=group, InstanceIds=two[:1])
    assert len(world.instances(EAST, "InService")) == 2
    tell(product, two[0], "scheduled-rule")
    assert owned_ids(world) == rules


def test_who_is_detached_goes_and_who_is_attached_again_comes_with_the_true_up(
    world: World, product: Product, two: list[str]
) -> None:
    """No hook runs either way."""
    auto_scaling, group = world.client("autoscaling", EAST), world.members[EAST].group
    before = addresses(world, EAST)
    auto_scaling.detach_instances(
        AutoScalingGroupName=group, InstanceIds=two[:1], ShouldDecrementDesiredCapacity=True
    )
    tell(product, two[0], "eventbridge-detach-successful")
    assert admitted(world) == {before[two[1]]}
    auto_scaling.attach_instances(AutoScalingGroupName=group, InstanceIds=two[:1])
    tell(product, two[0], "scheduled-rule")
    assert admitted(world) == set(before.values())
    assert product.hooks(EAST) == []


def test_the_rules_of_a_group_that_was_deleted_with_force_stay(
    world: World, product: Product, two: list[str]
) -> None:
    """It is not found, which is unknown and not empty (promise 2): a finding says so, and no rule goes."""
    rules, others = owned_ids(world), foreign(world)
    world.client("ec2", EAST).terminate_instances(InstanceIds=two)
    world.client("autoscaling", EAST).delete_auto_scaling_group(
        AutoScalingGroupName=world.members[EAST].group, ForceDelete=True
    )
    report = tell(product, two[0], "eventbridge-state-change", state="shutting-down")
    assert [one["subject"] for one in findings(report, "group-missing")] == [world.members[EAST].group], report
    assert owned_ids(world) == rules and foreign(world) == others
