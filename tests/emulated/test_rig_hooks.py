"""The rig itself: instances wait for lifecycle hooks as they do in Auto Scaling."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rig import ACCOUNT, LAUNCH_HOOK, TERMINATE_HOOK, Rig, World, wait_until

EAST, WEST = "us-east-1", "us-west-2"


def complete(world: World, hook: str, result: str = "CONTINUE", **which: str) -> None:
    """CompleteLifecycleAction in us-east-1, by `LifecycleActionToken` or `InstanceId`."""
    world.rig.client("autoscaling", EAST).complete_lifecycle_action(
        AutoScalingGroupName=world.members[EAST].group,
        LifecycleHookName=hook,
        LifecycleActionResult=result,
        **which,
    )


def launched(world: World, count: int = 1) -> list[dict[str, Any]]:
    world.scale(EAST, count)
    return world.instances(EAST, "Pending:Wait")


def test_a_launch_waits_and_its_event_has_the_documented_shape(world: World) -> None:
    (instance,) = launched(world)
    (event,) = world.rig.moto.lifecycle_events()
    assert event["detail-type"] == "EC2 Instance-launch Lifecycle Action"
    assert (event["source"], event["account"], event["region"]) == ("aws.autoscaling", ACCOUNT, EAST)
    assert event["resources"][0].endswith(f":autoScalingGroupName/{world.members[EAST].group}")
    detail = event["detail"]
    assert len(detail.pop("LifecycleActionToken")) == 36
    assert detail == {
        "AutoScalingGroupName": world.members[EAST].group,
        "LifecycleHookName": LAUNCH_HOOK,
        "EC2InstanceId": instance["id"],
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
        "Origin": "EC2",
        "Destination": "AutoScalingGroup",
    }


@pytest.mark.parametrize("by", ["LifecycleActionToken", "InstanceId"])
def test_continue_puts_a_launch_in_service(world: World, by: str) -> None:
    (instance,) = launched(world)
    event = world.hook_event(EAST, instance["id"])
    complete(world, LAUNCH_HOOK, **{by: event["detail"].get(by, instance["id"])})
    assert [found["id"] for found in world.instances(EAST, "InService")] == [instance["id"]]
    assert world.rig.moto.events(EAST)[-1]["detail-type"] == "EC2 Instance Launch Successful"


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ({"LifecycleActionToken": "0" * 36}, f"No active Lifecycle Action found with token {'0' * 36}"),
        ({"InstanceId": "i-0123"}, "No active Lifecycle Action found with instance ID i-0123"),
    ],
)
def test_nothing_active_is_a_validation_error(world: World, which: dict[str, str], message: str) -> None:
    with pytest.raises(ClientError) as error:
        complete(world, LAUNCH_HOOK, **which)
    assert error.value.response["Error"]["Code"] == "ValidationError"
    assert error.value.response["Error"]["Message"] == message


def test_a_second_completion_is_refused(world: World) -> None:
    (instance,) = launched(world)
    complete(world, LAUNCH_HOOK, InstanceId=instance["id"])
    with pytest.raises(ClientError, match="No active Lifecycle Action"):
        complete(world, LAUNCH_HOOK, InstanceId=instance["id"])


def test_abandon_on_launch_terminates_and_replaces(world: World) -> None:
    (first,) = launched(world)
    complete(world, LAUNCH_HOOK, "ABANDON", InstanceId=first["id"])
    assert world.instances(EAST) == []
    (second,) = wait_until("a replacement", lambda: world.instances(EAST, "Pending:Wait"))
    assert second["id"] != first["id"]


def test_a_group_whose_launches_are_suspended_launches_nothing(world: World) -> None:
    group = world.rig.client("autoscaling", EAST)
    name = world.members[EAST].group
    group.suspend_processes(AutoScalingGroupName=name, ScalingProcesses=["Launch"])
    world.scale(EAST, 1)
    assert world.instances(EAST) == []
    group.resume_processes(AutoScalingGroupName=name)
    world.scale(EAST, 1)
    assert len(world.instances(EAST, "Pending:Wait")) == 1


def test_an_instance_can_end_without_a_hook(world: World) -> None:
    staying, ending = world.seed(EAST, 2)
    world.rig.moto.end(EAST, world.members[EAST].group, ending)
    assert [one["id"] for one in world.instances(EAST)] == [staying]
    assert world.rig.moto.actions() == []


def test_a_termination_waits_with_the_address_still_there(world: World) -> None:
    (instance_id,) = world.seed(EAST, 1)
    address = world.instances(EAST)[0]["public_ip"]
    world.scale(EAST, 0)
    (waiting,) = world.instances(EAST)
    assert (waiting["lifecycle_state"], waiting["ec2_state"]) == ("Terminating:Wait", "running")
    assert addresses_in_ec2(world, instance_id) == [address]
    complete(world, TERMINATE_HOOK, InstanceId=instance_id)
    assert world.instances(EAST) == []
    assert addresses_in_ec2(world, instance_id) == []
    assert world.rig.moto.events(EAST)[-1]["detail-type"] == "EC2 Instance Terminate Successful"


def addresses_in_ec2(world: World, instance_id: str) -> list[str]:
    filters = [{"Name": "instance-id", "Values": [instance_id, "i-00000000000000000"]}]
    answer = world.rig.client("ec2", EAST).describe_instances(Filters=filters)
    (instance,) = [found for group in answer["Reservations"] for found in group["Instances"]]
    tags = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
    assert tags["aws:autoscaling:groupName"] == world.members[EAST].group
    interfaces = instance.get("NetworkInterfaces", [])
    return [interface["Association"]["PublicIp"] for interface in interfaces if "Association" in interface]


def test_terminate_instance_in_group_goes_through_the_hook_and_keeps_the_capacity(world: World) -> None:
    (instance_id,) = world.seed(EAST, 1)
    world.terminate(instance_id, EAST, decrement=False)
    assert [found["id"] for found in world.instances(EAST, "Terminating:Wait")] == [instance_id]
    assert len(world.instances(EAST, "Pending:Wait")) == 1


def test_update_of_the_group_goes_through_hooks(world: World) -> None:
    client = world.rig.client("autoscaling", EAST)
    client.update_auto_scaling_group(AutoScalingGroupName=world.members[EAST].group, DesiredCapacity=2)
    assert len(world.instances(EAST, "Pending:Wait")) == 2


def test_a_direct_termination_in_ec2_fires_the_hook_when_the_address_is_gone(world: World) -> None:
    (instance_id,) = world.seed(EAST, 1)
    world.rig.client("ec2", EAST).terminate_instances(InstanceIds=[instance_id])
    (waiting,) = world.instances(EAST, "Terminating:Wait")
    assert waiting["public_ip"] is None
    assert len(world.instances(EAST, "Pending:Wait")) == 1


def test_detach_and_standby_fire_no_hook(world: World) -> None:
    first, second = world.seed(EAST, 2)
    client, group = world.rig.client("autoscaling", EAST), world.members[EAST].group
    common = {"AutoScalingGroupName": group, "ShouldDecrementDesiredCapacity": True}
    client.detach_instances(InstanceIds=[first], **common)
    client.enter_standby(InstanceIds=[second], **common)
    assert world.rig.moto.lifecycle_events() == []
    assert [found["lifecycle_state"] for found in world.instances(EAST)] == ["Standby"]


def test_the_heartbeat_extends_and_the_timeout_applies_the_default(world: World) -> None:
    world.put_hooks(EAST, heartbeat_s=1, launch_default="CONTINUE")
    (instance,) = launched(world)
    client, group = world.rig.client("autoscaling", EAST), world.members[EAST].group
    client.record_lifecycle_action_heartbeat(
        AutoScalingGroupName=group, LifecycleHookName=LAUNCH_HOOK, InstanceId=instance["id"]
    )
    assert world.instances(EAST, "Pending:Wait")
    wait_until("the timeout", lambda: world.instances(EAST, "InService"), 5)


def test_notification_metadata_is_there_only_when_the_hook_has_it(world: World) -> None:
    world.rig.client("autoscaling", EAST).put_lifecycle_hook(
        AutoScalingGroupName=world.members[EAST].group,
        LifecycleHookName=LAUNCH_HOOK,
        NotificationMetadata="from the hook",
    )
    launched(world)
    (event,) = world.rig.moto.lifecycle_events()
    assert event["detail"]["NotificationMetadata"] == "from the hook"


def test_events_reach_a_queue_through_a_rule_in_ministack(world: World) -> None:
    queue = queue_behind_rule(world.rig, EAST, f"{world.mesh}-hooks")
    (instance,) = launched(world)
    sqs = world.rig.client("sqs", EAST)
    answer = wait_until(
        "the event in the queue",
        lambda: sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages"),
    )
    event = json.loads(answer[0]["Body"])
    assert event["detail"]["EC2InstanceId"] == instance["id"]
    assert (event["account"], event["region"], event["source"]) == (ACCOUNT, EAST, "aws.autoscaling")
    assert event["resources"] == world.rig.moto.lifecycle_events()[0]["resources"]


def queue_behind_rule(rig: Rig, region: str, name: str) -> str:
    sqs, events = rig.client("sqs", region), rig.client("events", region)
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.autoscaling"], "detail-type": ["EC2 Instance-launch Lifecycle Action"]}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    return str(url)
