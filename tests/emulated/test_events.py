"""Every shape of event that design section 8 names, as it reaches the real binaries."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from product import EAST, WEST, Event, Product, addresses, ids, notification, sns, sqs, target, too_early
from rig import ACCOUNT, World

#: Bodies as AWS sends them, about a mesh, an instance and an account of their own.
FIXTURES = Path(__file__).resolve().parents[2] / "sync-core" / "tests" / "events"


def fixture(name: str, world: World, instance: str, action: dict[str, str] | None = None) -> Event:
    """A body from the fixtures, about us-east-1's group and this instance; `action`: its hook and token."""
    body = (FIXTURES / f"{name}.json").read_text()
    named = {
        "orders-us-east-1": world.members[EAST].group,
        "sg-0123456789abcdef0": world.members[EAST].security_group,
        "i-017425ec54f22f994": instance,
        "123456789012": ACCOUNT,
    }
    if action:
        named |= dict.fromkeys(["hook-launching", "hook-terminating"], action["LifecycleHookName"])
        tokens = ["33965228-086a-4aeb-8c26-f82ed3bef495", "87654321-4321-4321-4321-210987654321"]
        named |= dict.fromkeys(tokens, action["LifecycleActionToken"])
    for old, new in named.items():
        body = body.replace(old, new)
    return dict(json.loads(body))


def in_sqs(body: Any) -> Event:
    return sqs(body)


def in_sns_in_sqs(body: Any) -> Event:
    return sqs(notification(body))


WRAPPINGS: dict[str, Callable[[Any], Event]] = {
    "bare": lambda body: dict(body),
    "in SQS": in_sqs,
    "in SNS": sns,
    "in SNS in SQS": in_sns_in_sqs,
}


@pytest.mark.parametrize("name", ["eventbridge-launch", "autoscaling-flat-launch", "without a token"])
def test_a_launch_hook_is_answered_however_it_comes(
    world: World, product: Product, name: str, subtests: pytest.Subtests
) -> None:
    """EventBridge's event of 2017, without Origin and Destination; Auto Scaling's own flat JSON; no token at all."""
    for wrapping, wrap in WRAPPINGS.items():
        with subtests.test(wrapping):
            (event,) = product.launch(EAST, 1)
            (instance,) = ids([event])
            body = fixture(name if name in FILES else FILES[0], world, instance, event["detail"])
            if name == "without a token":
                del body["detail"]["LifecycleActionToken"]
            result = product.invoke(wrap(body))
            assert result.ok, result.error
            if wrapping.endswith("SQS"):
                assert result.value == {"batchItemFailures": []}
            else:
                assert [hook["result"] for hook in result.value["hooks"]] == ["CONTINUE"]
            assert product.results()[instance] == ["CONTINUE"]
            assert too_early(world) == []
            assert world.complete()


FILES = ["eventbridge-launch", "autoscaling-flat-launch"]


def test_a_terminate_hook_is_answered_however_it_comes(
    world: World, product: Product, subtests: pytest.Subtests
) -> None:
    """The address is in neither group any more."""
    seeded = world.seed(EAST, 5)
    product.synced()
    for leaving, (wrapping, wrap) in zip(seeded, WRAPPINGS.items(), strict=False):
        with subtests.test(wrapping):
            (event,) = product.terminate(EAST, [leaving])
            result = product.invoke(wrap(fixture("eventbridge-terminate", world, leaving, event["detail"])))
            assert result.ok, result.error
            assert product.results()[leaving] == ["CONTINUE"]
            assert too_early(world) == []
            assert world.complete()


NEWS = [
    "eventbridge-launch-successful", "eventbridge-terminate-successful", "eventbridge-detach-successful",
    "eventbridge-launch-unsuccessful", "eventbridge-state-change", "autoscaling-notification",
    "cloudtrail-authorize", "cloudtrail-revoke", "cloudtrail-modify", "scheduled-rule", "scheduler-default",
]  # fmt: skip


def test_news_without_a_hook_asks_for_a_run(world: World, product: Product, subtests: pytest.Subtests) -> None:
    """Whatever it says, the run looks for itself: it puts back what is missing."""
    (instance,) = world.seed(EAST, 1)
    product.synced()
    for name in NEWS:
        with subtests.test(name):
            world.remove_rule(WEST, next(rule.id for rule in world.rules(WEST) if rule.mesh))
            delivery = product.receive([fixture(name, world, instance)])
            assert delivery.failed == []
            assert [report["hooks"] for report in delivery.reports] == [[]]
            assert world.complete()


def test_a_failed_api_call_asks_for_nothing(world: World, product: Product) -> None:
    """CloudTrail reports it all the same."""
    delivery = product.receive([fixture("cloudtrail-authorize-failed", world, "i-0123456789abcdef0")])
    assert (delivery.failed, delivery.reports) == ([], [])
    assert world.rig.proxy.calls() == {}


def test_a_detached_instance_leaves_the_groups_with_the_news_of_it(world: World, product: Product) -> None:
    """No hook runs for it, and it lives on: it carries the group's tag no longer."""
    leaving, _ = world.seed(EAST, 2)
    product.synced()
    address = addresses(world, EAST)[leaving]
    world.rig.client("autoscaling", EAST).detach_instances(
        AutoScalingGroupName=world.members[EAST].group, InstanceIds=[leaving], ShouldDecrementDesiredCapacity=True
    )
    assert product.receive([fixture("eventbridge-detach-successful", world, leaving)]).failed == []
    assert f"{address}/32" not in {rule.cidr for region in (EAST, WEST) for rule in world.rules(region)}
    assert world.complete()


def test_an_instance_terminated_behind_auto_scalings_back_leaves_the_groups(world: World, product: Product) -> None:
    """TerminateInstances: the address is gone when the hook runs; a launch replaces it in the same batch."""
    leaving, _ = world.seed(EAST, 2)
    product.synced()
    world.rig.client("ec2", EAST).terminate_instances(InstanceIds=[leaving])
    delivery = product.receive(product.hooks(EAST))
    assert delivery.failed == []
    assert set(delivery.hooks.values()) == {"CONTINUE"}
    assert too_early(world) == []
    assert world.complete()


def test_many_events_in_one_batch_are_one_run(world: World, product: Product) -> None:
    """Design section 7: hooks and news together."""
    leaving, *_ = world.seed(EAST, 3)
    product.synced()
    events = product.launch(EAST, 2) + product.terminate(EAST, [leaving])
    news = [fixture("eventbridge-launch-successful", world, leaving), {"trueup": True}]
    delivery = product.receive([*events, *news])
    assert delivery.failed == []
    (report,) = delivery.reports
    assert report["trigger"] == "lifecycle"
    assert delivery.hooks == dict.fromkeys(ids(events), "CONTINUE")
    assert world.complete()


# -- the true-up ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lifecycle", "trueup"])
def test_both_functions_take_the_true_up(world: World, product: Product, name: str) -> None:
    """By hand, of every group; of one group as the tool of 2017 was asked; by schedule."""
    (instance,) = world.seed(EAST, 1)
    group = world.members[EAST].group
    for wish, trigger in (
        ({"trueup": True}, "trueup"),
        (fixture("trueup-manual", world, instance), "trueup"),
        (fixture("scheduled-rule", world, instance), "schedule"),
    ):
        report = product.invoke(wish, EAST, name).value
        assert (report["trigger"], report["dry_run"]) == (trigger, False)
        assert [one["asg"] for one in report["groups"]] == [group]
        assert world.complete()


@pytest.mark.parametrize("name", ["lifecycle", "trueup"])
def test_a_dry_run_says_what_it_would_do_and_changes_nothing(world: World, product: Product, name: str) -> None:
    """Design section 6: not one call that changes anything."""
    world.seed(EAST, 2)
    world.rig.proxy.reset_counts()
    report = product.invoke({"trueup": True, "dry_run": True}, EAST, name).value
    assert report["dry_run"] is True
    planned = [f"tcp 7000-7001 {ip}/32" for ip in addresses(world, EAST).values()]
    for region in (EAST, WEST):
        assert sorted(target(report, region)["added"]) == sorted(planned)
        assert world.owned(region) == set()
        assert world.rows(region) == []
    assert product.changes_made() == {}


def test_removals_that_the_guard_holds_are_carried_out_when_a_person_says_so(world: World, product: Product) -> None:
    """Design section 6: more than ten rules and more than half of them, from an observation nobody confirms."""
    product.configure("[guard]\nmax_removals = 2")
    leaving = world.seed(EAST, 4)
    product.synced()
    world.rig.client("autoscaling", EAST).detach_instances(
        AutoScalingGroupName=world.members[EAST].group, InstanceIds=leaving, ShouldDecrementDesiredCapacity=True
    )
    held = product.true_up()
    assert [one["status"] for one in held["targets"]] == ["held", "held"]
    assert len(target(held, WEST)["held"]) == 4
    assert len(world.owned(EAST)) == len(world.owned(WEST)) == 4
    product.true_up(allow_removals=True)
    assert world.complete()


def test_the_true_up_function_refuses_hooks(world: World, product: Product) -> None:
    """It has no say over them, nor the permission: the event names the function that has."""
    (event,) = product.launch(EAST, 1)
    world.rig.proxy.reset_counts()
    result = product.invoke(event, EAST, "trueup")
    assert result.error is not None
    assert "lifecycle function" in result.error["errorMessage"]
    assert ids([event])[0] in result.error["errorMessage"]
    assert world.rig.proxy.calls() == {}
    assert product.results() == {}
