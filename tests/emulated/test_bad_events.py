"""Events that are not for us, or no events: what is wrong is named, nothing is touched, and the neighbours succeed."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from product import EAST, Event, Product, ids, sns, text
from rig import World


def change(event: Event, path: str, value: Any) -> Event:
    """The event with one value replaced; None takes it out."""
    changed = deepcopy(event)
    *way, last = path.split(".")
    place = changed
    for key in way:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return changed


#: What is changed in a good event, and what the refusal has to name.
REFUSED = {
    "another account": ("account", "999999999999", ["account", "999999999999"]),
    "another region": ("region", "eu-west-1", ["region", "eu-west-1"]),
    "an unknown group": ("detail.AutoScalingGroupName", "payments", ["detail.AutoScalingGroupName", "payments"]),
    "no group": ("detail.AutoScalingGroupName", None, ["AutoScalingGroupName"]),
    "no instance": ("detail.EC2InstanceId", None, ["EC2InstanceId"]),
    "a number for an instance": ("detail.EC2InstanceId", 17, ["detail.EC2InstanceId"]),
    "an instance that is none": ("detail.EC2InstanceId", "i-1; rm -rf", ["detail.EC2InstanceId", "rm -rf"]),
    "an unknown transition": ("detail.LifecycleTransition", "sideways", ["LifecycleTransition", "sideways"]),
    "no detail": ("detail", None, ["detail"]),
    "an unknown detail-type": ("detail-type", "EC2 Spot Whim", ["EC2 Spot Whim"]),
}
BODIES = {
    "a truncated body": ('{"detail": {"AutoScal', ["body", "JSON"]),
    "an empty body": ("", ["body", "JSON"]),
    "a list": ("[1, 2]", ["no known shape"]),
    "a number": ("42", ["no known shape"]),
    "an unknown shape": ('{"hello": "world"}', ["no known shape", "hello"]),
    "a true-up that is false": ('{"trueup": false}', ["trueup"]),
    "a misspelled dry run": ('{"trueup": true, "dryrun": true}', ["dryrun"]),
    "another mesh's true-up": (
        '{"trueup": true, "detail": {"AutoScalingGroupName": "payments"}}',
        ["detail.AutoScalingGroupName", "payments"],
    ),
}


def test_a_bad_message_fails_alone_and_its_neighbours_succeed(
    world: World, product: Product, subtests: pytest.Subtests
) -> None:
    """Issue 2, bad input: what was wrong is named in the log, and only that message goes back."""
    (model,) = product.launch(EAST, 1)
    for number, (body, words) in enumerate(bad_bodies(model)):
        with subtests.test(body):
            good = product.launch(EAST, 1) + ([model] if number == 0 else [])
            delivery = product.receive([*good, body])
            assert [text(failed) for failed in delivery.failed] == [body]
            (refusal,) = [json.loads(line)["fields"] for line in delivery.result.logs if "refused" in line]
            assert refusal["message_id"] == delivery.records[-1]["messageId"]
            for word in words:
                assert word in refusal["message"]
            assert delivery.hooks == dict.fromkeys(ids(good), "CONTINUE")
            assert world.complete()


def bad_bodies(event: Event) -> list[tuple[str, list[str]]]:
    """Every bad message as text, with the words that its refusal has to contain."""
    changed = [(text(change(event, path, value)), words) for path, value, words in REFUSED.values()]
    return changed + list(BODIES.values())


def test_bad_messages_alone_touch_nothing(world: World, product: Product) -> None:
    """Issue 2, bad input: all of them in one batch, and not one call to AWS."""
    (event,) = product.launch(EAST, 1)
    bodies = [body for body, _ in bad_bodies(event)]
    delivery = product.receive(bodies)
    assert [text(body) for body in delivery.failed] == bodies
    assert delivery.reports == []
    assert world.rig.proxy.calls() == {}


@pytest.mark.parametrize("wrapping", ["bare", "sns"])
def test_a_bad_event_fails_a_direct_invocation_with_what_was_wrong(
    world: World, product: Product, wrapping: str
) -> None:
    """The caller reads it in the error; not one call to AWS; the function serves the next event."""
    (event,) = product.launch(EAST, 1)
    for body, words in bad_bodies(event):
        result = product.invoke(sns(body) if wrapping == "sns" else body.encode())
        assert result.error is not None, body
        if is_json(body):
            expected = ["EventRefused", *words]
        else:  # bare, it does not even get past the runtime
            expected = ["Message", "JSON"] if wrapping == "sns" else ["EOF while parsing"]
        for word in expected:
            assert word in json.dumps(result.error, ensure_ascii=False).replace('\\"', '"'), (body, result.error)
    assert world.rig.proxy.calls() == {}
    assert product.invoke(event).ok


def is_json(body: str) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def test_test_notifications_are_dropped(world: World, product: Product) -> None:
    """Auto Scaling sends one when a hook gets a target; nothing runs and nothing comes back."""
    note = {
        "Service": "AWS Auto Scaling", "Event": "autoscaling:TEST_NOTIFICATION", "AccountId": "123456789012",
        "AutoScalingGroupName": world.members[EAST].group, "Time": "2026-11-20T08:00:00.000Z",
    }  # fmt: skip
    assert product.receive([note, note]).failed == []
    assert product.invoke(sns(note)).ok
    assert product.invoke(note).ok
    assert world.rig.proxy.calls() == {}
