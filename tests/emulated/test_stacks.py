"""The deployed path: both stacks by the real `sam deploy`, and events that flow by themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import readme
from demo import stack
from product import EAST, WEST, Product, foreign, reports_in, too_early
from rig import Rig, World, wait_until


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stacks")


@pytest.fixture(scope="module")
def deployed(rig: Rig, folder: Path) -> Iterator[World]:
    """One deployment for all tests here, which run in their order."""
    rig.proxy.heal()
    rig.moto.reset()
    world = World(rig, mesh="deployed", hooks=False, tables=False)
    stack.deploy(rig, world, folder)
    yield world
    stack.remove(rig, world)


def settle(world: World, region: str, capacity: int) -> None:
    """Scales a group and waits until its hooks are answered."""
    world.scale(region, capacity)

    def done() -> bool:
        listed = world.instances(region)
        return len(listed) == capacity and all(one["lifecycle_state"] == "InService" for one in listed)

    wait_until(f"{capacity} in service in {region}", done, timeout_s=30)


def queue_url(world: World, region: str, kind: str) -> str:
    name = f"sgsync-{world.mesh}-{kind}"
    return str(world.rig.client("sqs", region).get_queue_url(QueueName=name)["QueueUrl"])


def messages(world: World, region: str, kind: str) -> int:
    """How many messages a queue holds, those in flight included."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = world.rig.client("sqs", region).get_queue_attributes(
        QueueUrl=queue_url(world, region, kind), AttributeNames=names
    )
    return sum(int(answer["Attributes"][name]) for name in names)


def stack_state(world: World, region: str) -> dict[str, Any]:
    """A stack's status, outputs and resources."""
    client = world.rig.client("cloudformation", region)
    name = f"sgsync-{world.mesh}"
    (found,) = client.describe_stacks(StackName=name)["Stacks"]
    resources = client.describe_stack_resources(StackName=name)["StackResources"]
    return {
        "outputs": {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])},
        "resources": {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources},
    }


def test_both_regions_scale_out_and_in_through_the_stacks(deployed: World) -> None:
    """EventBridge, queue, function: hooks answered in time, both groups exact, bastion rules untouched."""
    before = foreign(deployed)
    for region, capacity in ((EAST, 3), (WEST, 2), (EAST, 1)):
        settle(deployed, region, capacity)
        assert deployed.complete(), region
        assert too_early(deployed) == []
    assert foreign(deployed) == before


def test_the_queues_are_empty_afterwards(deployed: World) -> None:
    """Every message was understood: none comes back, none is a dead letter, none was undeliverable."""
    for region in (EAST, WEST):
        wait_until(f"{region}'s queue to be empty", lambda: messages(deployed, region, "events") == 0)  # noqa: B023
        assert messages(deployed, region, "dead-letters") == 0
        assert messages(deployed, region, "undelivered") == 0


def test_the_deployed_true_up_heals_what_somebody_removed(deployed: World) -> None:
    """Invoked by hand by its name, as the schedule does; the answer is the report."""
    deployed.remove_rule(WEST, next(rule.id for rule in deployed.rules(WEST) if rule.mesh))
    answer = deployed.rig.client("lambda", WEST).invoke(
        FunctionName=f"sgsync-{deployed.mesh}-trueup", Payload=json.dumps({"trueup": True})
    )
    report = json.loads(answer["Payload"].read())
    assert (report["trigger"], report["member"]) == ("trueup", WEST)
    assert deployed.complete()


def test_a_poisoned_message_ends_as_a_dead_letter_and_holds_nothing_up(deployed: World) -> None:
    """Design section 8: it fails alone, is logged, and is kept; hooks go on meanwhile."""
    sqs, url = deployed.rig.client("sqs", EAST), queue_url(deployed, EAST, "events")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "2"})
    poison = '{"detail-type": "EC2 Instance-launch Lifecycle Action", "detail": {"AutoScal'
    sqs.send_message(QueueUrl=url, MessageBody=poison)
    settle(deployed, EAST, 2)
    assert deployed.complete()
    wait_until("the dead letter", lambda: messages(deployed, EAST, "dead-letters"), timeout_s=30)
    wait_until("an empty queue", lambda: messages(deployed, EAST, "events") == 0)
    letters = sqs.receive_message(QueueUrl=queue_url(deployed, EAST, "dead-letters"), MaxNumberOfMessages=10)
    assert [letter["Body"] for letter in letters["Messages"]] == [poison]
    log = deployed.rig.ministack.function_log(f"sgsync-{deployed.mesh}-hooks", EAST)
    assert sum("refused: " in line and "not JSON" in line for line in log) == 5
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "90"})


def test_a_second_deployment_changes_nothing(deployed: World, folder: Path, tmp_path: Path) -> None:
    """The same template and document again: the same resources, the same rules, and launches work as before."""
    states = {region: stack_state(deployed, region) for region in (EAST, WEST)}
    rules = {region: deployed.rules(region) for region in (EAST, WEST)}
    stack.deploy(deployed.rig, deployed, tmp_path)
    assert {region: stack_state(deployed, region) for region in (EAST, WEST)} == states
    assert {region: deployed.rules(region) for region in (EAST, WEST)} == rules
    settle(deployed, WEST, 3)
    assert deployed.complete()


def test_a_plan_says_in_sync_as_the_guide_shows(deployed: World, tmp_path: Path) -> None:
    """What somebody sees who has followed the deploy guide to its end."""
    with Product(deployed) as product:
        done = product.sgsync("plan", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    # The guide's groups are those of prerequisites.yaml.
    printed = done.stdout.replace(f"{deployed.mesh}-us-", "orders-us-").replace(deployed.mesh, "orders-db")
    assert readme.missing("sgsync plan", printed, readme.GUIDE) == []


def test_the_schedule_heals_what_somebody_removed(deployed: World, folder: Path) -> None:
    """Scheduler invokes the function; nobody else does anything. A setting is changed as the guide says, and lasts."""
    stack.deploy(deployed.rig, deployed, folder, [EAST], settings=["TrueupSchedule=rate(1 minute)"])
    settle(deployed, EAST, 2)
    wait_until("an empty queue", lambda: messages(deployed, EAST, "events") == 0)
    removed = next(rule for rule in deployed.rules(EAST) if rule.mesh)
    deployed.remove_rule(EAST, removed.id)
    before = len(scheduled(deployed, EAST))
    wait_until("the rule that the schedule puts back", deployed.complete, timeout_s=100)
    wait_until("the report", lambda: len(scheduled(deployed, EAST)) > before)
    healed = scheduled(deployed, EAST)[before]
    assert (healed["member"], healed["dry_run"]) == (EAST, False)
    added = [permission for target in healed["targets"] for permission in target["added"]]
    assert [permission.split()[-1] for permission in added] == [removed.cidr]


def scheduled(world: World, region: str) -> list[dict[str, Any]]:
    """The reports of the true-ups that the schedule asked for."""
    log = world.rig.ministack.function_log(f"sgsync-{world.mesh}-trueup", region)
    return [report for report in reports_in(log) if report["trigger"] == "schedule"]


def test_a_removed_stack_is_launched_again_over_what_it_left(deployed: World, folder: Path) -> None:
    """Rules, rows and logs stay; importing them, as the guide says, makes room for the stack of the same name."""
    rules, rows = deployed.rules(EAST), deployed.rows(EAST)
    client, name = deployed.rig.client("cloudformation", EAST), f"sgsync-{deployed.mesh}"
    client.delete_stack(StackName=name)
    client.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert (deployed.rules(EAST), deployed.rows(EAST)) == (rules, rows)

    left = {"Mirror": ("AWS::DynamoDB::Table", "TableName", name)}
    for log, function in (("LifecycleLog", "hooks"), ("TrueupLog", "trueup")):
        left[log] = ("AWS::Logs::LogGroup", "LogGroupName", f"/aws/lambda/{name}-{function}")
    client.create_change_set(
        StackName=name,
        ChangeSetName="import",
        ChangeSetType="IMPORT",
        TemplateBody=(stack.ROOT / "sam" / "retained.yaml").read_text(),
        Parameters=[{"ParameterKey": "MeshName", "ParameterValue": deployed.mesh}],
        ResourcesToImport=[
            {"ResourceType": kind, "LogicalResourceId": logical_id, "ResourceIdentifier": {key: value}}
            for logical_id, (kind, key, value) in left.items()
        ],
    )
    client.execute_change_set(StackName=name, ChangeSetName="import")
    status = lambda: client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]  # noqa: E731
    wait_until("the import", lambda: status().endswith("_COMPLETE"))
    assert stack_state(deployed, EAST)["resources"] == {logical_id: value for logical_id, (*_, value) in left.items()}

    stack.deploy(deployed.rig, deployed, folder, [EAST], settings=["TrueupSchedule=rate(5 minutes)"])
    assert {row["asg"]["S"]: row["member"] for row in deployed.rows(EAST)} == {
        row["asg"]["S"]: row["member"] for row in rows
    }
    settle(deployed, EAST, 1)
    assert deployed.complete()
    assert "No changes to deploy" in stack.deploy(deployed.rig, deployed, folder, [EAST])[EAST]


def test_launching_over_what_is_there_fails_and_leaves_no_log(rig: Rig, tmp_path: Path) -> None:
    """The mirror of an earlier stack is not taken without being asked for; what the launch made goes again."""
    rig.moto.reset()
    world = World(rig, mesh="leftover", hooks=False)
    with pytest.raises(RuntimeError, match="sgsync-leftover"):
        stack.deploy(rig, world, tmp_path, [EAST])
    # Asked for, because `sam deploy` prints those events only that its polling happens to see.
    events = rig.client("cloudformation", EAST).describe_stack_events(StackName="sgsync-leftover")["StackEvents"]
    assert any("already exists" in event.get("ResourceStatusReason", "") for event in events), events
    logs = rig.client("logs", EAST).describe_log_groups(logGroupNamePrefix="/aws/lambda/sgsync-leftover")["logGroups"]
    assert logs == []
    rig.client("cloudformation", EAST).delete_stack(StackName="sgsync-leftover")
