"""The stacks in any order, with a region and groups that come later, and messages that come back from the dead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import THIRD
from demo import stack
from product import EAST, WEST, reports_in, too_early
from rig import Fault, Rig, World, wait_until
from test_stacks import messages, queue_url, settle, stack_state

#: The longest name a mesh may have; everything that the stack derives from it has to fit.
LONGEST = "west-first-and-with-the-longest-name-of-a-mesh-ok"[:48]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("orders")


@pytest.fixture(scope="module")
def east_first(rig: Rig) -> Iterator[World]:
    """A mesh that grows from test to test, in their order."""
    rig.proxy.heal()
    rig.moto.reset()
    world = World(rig, mesh="east-first", hooks=False, tables=False)
    yield world
    rig.proxy.heal()
    stack.remove(rig, world)


def deploy_one_by_one(world: World, folder: Path, first: str, second: str) -> None:
    """The first region works before the second one exists, and needs nothing done to it afterwards."""
    stack.deploy(world.rig, world, folder, [first])
    settle(world, first, 2)
    assert world.owned(first) == world.expected(), "the region that is there admits its own"
    assert world.owned(second) == set(), "a peer without a table counts as unreachable: row before rule"
    excused = too_early(world)
    assert all(one.endswith(f" in {second}") for one in excused)
    stack.deploy(world.rig, world, folder, [second])
    settle(world, second, 1)
    # The first region's next event, or its schedule, brings its row to the new table.
    settle(world, first, 1)
    wait_until("both regions to be complete", world.complete)
    assert too_early(world) == excused


def test_west_first(rig: Rig, tmp_path: Path) -> None:
    """With the longest name of a mesh."""
    rig.moto.reset()
    assert len(LONGEST) == 48
    world = World(rig, mesh=LONGEST, hooks=False, tables=False)
    deploy_one_by_one(world, tmp_path, WEST, EAST)
    stack.remove(rig, world)


def test_east_first(east_first: World, folder: Path) -> None:
    deploy_one_by_one(east_first, folder, EAST, WEST)


def test_a_third_region_and_a_second_group_join_later(east_first: World, folder: Path) -> None:
    """A new region, and another Auto Scaling group and security group of an old one, are a new document and a stack
    update: the new region first, then the others, one by one."""
    world = east_first
    world.add_member(THIRD)
    world.add_pair(EAST, "batch")
    stack.deploy(world.rig, world, folder, [THIRD])
    settle(world, THIRD, 1)
    for region in (WEST, EAST):
        stack.deploy(world.rig, world, folder, [region])
    true_up(world, EAST)
    true_up(world, WEST)
    assert world.complete(), "the schedule alone brings the old regions' addresses to the new groups"
    world.scale(EAST, 2, group=world.groups(EAST)[1])
    in_service = lambda: len(world.instances(EAST, "InService")) == 3  # noqa: E731
    wait_until("the second group's instances to be in service", in_service, timeout_s=30)
    settle(world, WEST, 2)
    settle(world, THIRD, 2)
    wait_until("all four security groups to be complete", world.complete)
    assert len(world.expected()) == 7
    batch = world.targets(EAST)[1]
    world.remove_rule(EAST, next(rule.id for rule in world.rules(EAST, batch) if rule.mesh), batch)
    true_up(world, EAST)
    assert world.complete(), "the true-up looks after every security group"


def test_deploying_again_changes_nothing(east_first: World, folder: Path) -> None:
    """`sam deploy` says so itself, and nothing of the stacks or the rules differs."""
    world = east_first
    before = {region: (stack_state(world, region), world.rules(region)) for region in world.members}
    said = stack.deploy(world.rig, world, folder)
    assert {region: "No changes to deploy" in text for region, text in said.items()} == dict.fromkeys(said, True)
    assert {region: (stack_state(world, region), world.rules(region)) for region in world.members} == before


def test_a_dead_letter_moves_the_metric_of_its_alarm_and_comes_back(east_first: World) -> None:
    """A hook's message dies of a failure that lasts, and does its work once the cause is repaired and it is redriven."""
    world = east_first
    sqs, url = world.rig.client("sqs", EAST), queue_url(world, EAST, "events")
    letters = queue_url(world, EAST, "dead-letters")
    (alarm,) = world.rig.client("cloudwatch", EAST).describe_alarms(
        AlarmNames=[f"sgsync-{world.mesh}-dead-letters"]
    )["MetricAlarms"]
    watched = (alarm["Namespace"], alarm["MetricName"], alarm["Dimensions"][0]["Value"])
    assert watched == ("AWS/SQS", "ApproximateNumberOfMessagesVisible", letters.rsplit("/", 1)[-1])
    assert visible(world, letters) <= alarm["Threshold"]

    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    broken = world.rig.proxy.add(Fault("error", caller=EAST, service="autoscaling", region=EAST))
    before = {one["id"] for one in world.instances(EAST)}
    world.scale(EAST, 2)
    wait_until("the dead letter", lambda: visible(world, letters) > alarm["Threshold"], timeout_s=60)
    (waiting,) = [one for one in world.instances(EAST) if one["id"] not in before]
    assert waiting["lifecycle_state"] == "Pending:Wait"

    world.rig.proxy.heal(broken)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "90"})
    redrive(world, letters, url)
    wait_until("the hook's answer", lambda: len(world.instances(EAST, "InService")) == 4, timeout_s=30)
    wait_until("every group to be complete", world.complete)
    assert messages(world, EAST, "dead-letters") == 0


def test_a_repaired_message_works(east_first: World) -> None:
    """A message that was cut off is understood once somebody completed its text."""
    world = east_first
    sqs, url = world.rig.client("sqs", EAST), queue_url(world, EAST, "events")
    letters = queue_url(world, EAST, "dead-letters")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    sqs.send_message(QueueUrl=url, MessageBody='{"trueup": true')
    wait_until("the dead letter", lambda: visible(world, letters), timeout_s=60)
    world.remove_rule(EAST, next(rule.id for rule in world.rules(EAST) if rule.mesh))
    logged = len(reports(world))
    redrive(world, letters, url, repaired=lambda body: body + "}")
    wait_until("the run that it asks for", lambda: len(reports(world)) > logged, timeout_s=30)
    wait_until("the rule that it puts back", world.complete)
    assert messages(world, EAST, "dead-letters") == 0
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "90"})


def true_up(world: World, region: str) -> None:
    """What the schedule does every five minutes."""
    answer = world.rig.client("lambda", region).invoke(
        FunctionName=f"sgsync-{world.mesh}-trueup", Payload=b'{"trueup": true, "scheduled": true}'
    )
    assert "FunctionError" not in answer, answer["Payload"].read()


def visible(world: World, url: str) -> int:
    """What CloudWatch knows as ApproximateNumberOfMessagesVisible."""
    answer = world.rig.client("sqs", EAST).get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
    )
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def redrive(world: World, source: str, destination: str, repaired: Callable[[str], str] = str) -> None:
    """What the console's redrive does: every message goes back as it is, or repaired, and leaves the dead letters."""
    sqs = world.rig.client("sqs", EAST)
    while found := sqs.receive_message(QueueUrl=source, MaxNumberOfMessages=10).get("Messages"):
        for message in found:
            sqs.send_message(QueueUrl=destination, MessageBody=repaired(message["Body"]))
            sqs.delete_message(QueueUrl=source, ReceiptHandle=message["ReceiptHandle"])


def reports(world: World) -> list[dict[str, object]]:
    """The hooks function's reports so far."""
    return reports_in(world.rig.ministack.function_log(f"sgsync-{world.mesh}-hooks", EAST))
