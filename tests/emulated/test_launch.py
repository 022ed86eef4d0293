"""A launch, from its hook's event to its answer: what is in place when, and what it costs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from product import EAST, WEST, Product, addresses, audit_in, ids, sqs, target, too_early
from rig import Fault, World, wait_until

#: Two looks of two calls, the row, and the rule.
PEER_CALLS = {
    "ec2:DescribeSecurityGroupRules": 2,
    "dynamodb:BatchGetItem": 2,
    "dynamodb:PutItem": 1,
    "ec2:AuthorizeSecurityGroupIngress": 1,
}
#: The same, the observation, and the hook's answer.
HOME_CALLS = PEER_CALLS | {
    "autoscaling:DescribeAutoScalingGroups": 1,
    "ec2:DescribeInstances": 1,
    "autoscaling:CompleteLifecycleAction": 1,
}


def in_service(world: World, instance_id: str, region: str = EAST) -> bool:
    return instance_id in [instance["id"] for instance in world.instances(region, "InService")]


@pytest.mark.parametrize("wrapping", ["bare", "sqs"])
@pytest.mark.parametrize("already", [0, 9, 50])
def test_a_launch_is_admitted_in_both_groups_before_its_hook_is_answered(
    world: World, product: Product, already: int, wrapping: str
) -> None:
    """Promise 3, with so many instances in service before it."""
    world.seed(EAST, already)
    product.synced()
    (event,) = product.launch(EAST, 1)
    (instance,) = ids([event])
    if wrapping == "bare":
        report = product.invoke(event).value
    else:
        delivery = product.receive([event])
        assert delivery.failed == []
        (report,) = delivery.reports
    assert report["hooks"] == [{"instance": instance, "transition": "launch", "result": "CONTINUE"}]
    assert too_early(world) == []
    assert in_service(world, instance)
    assert world.complete()


@pytest.mark.parametrize("already", [0, 9, 50])
def test_a_launch_takes_fifteen_calls_however_many_are_in_already(
    world: World, product: Product, already: int
) -> None:
    """Design section 5: the number does not grow with the group."""
    world.seed(EAST, already)
    product.synced()
    events = product.launch(EAST, 1)
    world.rig.proxy.reset_counts()
    product.receive(events)
    proxy = world.rig.proxy
    assert (proxy.calls(region=EAST), proxy.calls(region=WEST)) == (HOME_CALLS, PEER_CALLS)
    assert sum(proxy.calls().values()) == 15


def test_a_true_up_with_nothing_to_do_takes_six_calls(world: World, product: Product) -> None:
    """Design section 5: it looks once at each region, and neither writes a row nor looks again."""
    world.seed(EAST, 3)
    world.seed(WEST, 2)
    product.synced()
    product.synced()
    world.rig.proxy.reset_counts()
    report = product.true_up()
    assert [one["status"] for one in report["targets"]] == ["in-sync", "in-sync"]
    assert report["findings"] == []
    calls = world.rig.proxy.calls()
    assert calls == {
        "ec2:DescribeSecurityGroupRules": 2,
        "dynamodb:BatchGetItem": 2,
        "autoscaling:DescribeAutoScalingGroups": 1,
        "ec2:DescribeInstances": 1,
    }, calls


def test_a_true_up_asks_for_an_instance_that_its_group_does_not_list(world: World, product: Product) -> None:
    """Decision 16: it wears the group's tag, as one in the warm pool does. Two answers that disagree shut nobody out."""
    (gone, _) = world.seed(EAST, 2)
    product.synced()
    group, address = world.members[EAST].group, addresses(world, EAST)[gone]
    auto_scaling, ec2 = world.rig.client("autoscaling", EAST), world.rig.client("ec2", EAST)
    auto_scaling.detach_instances(InstanceIds=[gone], AutoScalingGroupName=group, ShouldDecrementDesiredCapacity=True)
    ec2.create_tags(Resources=[gone], Tags=[{"Key": "aws:autoscaling:groupName", "Value": group}])
    world.rig.proxy.reset_counts()
    product.true_up()
    assert world.rig.proxy.calls(region=EAST)["autoscaling:DescribeAutoScalingInstances"] == 1
    assert f"{address}/32" in {cidr for *_, cidr in world.owned(WEST)}

    ec2.delete_tags(Resources=[gone], Tags=[{"Key": "aws:autoscaling:groupName"}])
    product.true_up()
    assert world.complete()


def test_a_hook_waits_until_both_groups_admit_the_instance(world: World, product: Product) -> None:
    """Promise 3 at the moment of the answer: it is held up on its way, and everything is in place already."""
    product.synced()
    events = product.launch(EAST, 1)
    held_up = world.rig.proxy.add(Fault("swallow", action="CompleteLifecycleAction"))
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(product.receive, events)
        wait_until("the answer to be on its way", lambda: held_up.hits)
        assert world.complete()
        assert [one["lifecycle_state"] for one in world.instances(EAST)] == ["Pending:Wait"]
        world.rig.proxy.heal(held_up)
        assert answer.result().failed == []
    assert in_service(world, *ids(events))


def test_a_termination_is_answered_when_its_address_is_in_neither_group(world: World, product: Product) -> None:
    """Promise 3 the other way round, at the moment of the answer."""
    leaving, *_ = world.seed(EAST, 3)
    product.synced()
    events = product.terminate(EAST, [leaving])
    held_up = world.rig.proxy.add(Fault("swallow", action="CompleteLifecycleAction"))
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(product.receive, events)
        wait_until("the answer to be on its way", lambda: held_up.hits)
        assert world.complete()
        assert len(world.instances(EAST, "Terminating:Wait")) == 1
        world.rig.proxy.heal(held_up)
        assert answer.result().hooks == {leaving: "CONTINUE"}
    assert len(world.instances(EAST)) == 2


def test_the_first_launch_of_a_mesh_needs_no_true_up_before_it(world: World, product: Product) -> None:
    """No mirror has a row yet."""
    events = product.launch(EAST, 1)
    assert product.receive(events).hooks == dict.fromkeys(ids(events), "CONTINUE")
    assert world.complete()


def test_a_batch_is_one_run(world: World, product: Product) -> None:
    """Design section 7: ten launches cost one observation, one Authorize a region, and ten answers."""
    product.synced()
    events = product.launch(EAST, 10)
    world.rig.proxy.reset_counts()
    delivery = product.receive(events)
    assert delivery.failed == []
    assert delivery.hooks == dict.fromkeys(ids(events), "CONTINUE")
    many = HOME_CALLS | {"autoscaling:CompleteLifecycleAction": 10}
    assert world.rig.proxy.calls(region=EAST) == many
    assert world.rig.proxy.calls(region=WEST) == PEER_CALLS
    assert world.complete()


def test_an_event_that_comes_twice_is_answered_once(world: World, product: Product) -> None:
    """Design section 7: nothing active any more means that it is done; SQS delivers at least once."""
    product.synced()
    events = product.launch(EAST, 1)
    assert product.receive(events).hooks == dict.fromkeys(ids(events), "CONTINUE")
    again = product.receive(events)
    assert again.failed == []
    assert again.hooks == dict.fromkeys(ids(events), "GONE")
    both = sqs(*events, *events)
    twice = product.function("lifecycle", EAST).invoke(both)
    assert twice.value == {"batchItemFailures": []}


def test_every_change_leaves_one_audit_line(world: World, product: Product) -> None:
    """Promise 8: who, which trigger, which instance, before, after, AWS request id."""
    product.synced()
    (event,) = product.launch(EAST, 1)
    (instance,) = ids([event])
    delivery = product.receive([event])
    lines = audit_in(delivery.result.logs)
    changes = sorted((line["action"], line["target"].split("/")[0], line["after"][:4]) for line in lines)
    assert changes == [
        ("authorize", EAST, "sgr-"),
        ("authorize", WEST, "sgr-"),
        ("complete", world.members[EAST].group, "CONT"),
    ]
    run_id = delivery.reports[0]["run_id"]
    for line in lines:
        said = (line["who"], line["trigger"], line["member"], line["instance"])
        assert said == (f"lifecycle/{run_id}", "lifecycle", EAST, instance)
        assert line["before"] and line["aws_request_id"]
    permission = f"tcp 7000-7001 {world.instances(EAST)[0]['public_ip']}/32"
    assert [line["permission"] for line in lines if line["action"] == "authorize"] == [permission] * 2


def test_a_launch_in_the_second_region_is_admitted_in_the_first(world: World, product: Product) -> None:
    """No region is special."""
    world.seed(EAST, 2)
    product.synced()
    events = product.launch(WEST, 2)
    delivery = product.receive(events, WEST)
    assert delivery.hooks == dict.fromkeys(ids(events), "CONTINUE")
    assert too_early(world) == []
    assert len(target(delivery.reports[0], EAST)["added"]) == 2
    assert world.complete()
