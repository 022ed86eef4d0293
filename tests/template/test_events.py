"""The rules' patterns against events as AWS sends them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from moto.events.models import EventPattern

from expanded import ACCOUNT, transformed

ROLE = f"arn:aws:iam::{ACCOUNT}:role/"
OURS, ADMIN = f"{ROLE}sgsync/orders-db/sgsync-orders-db-LifecycleRole-1A2B3C", f"{ROLE}admin"
OTHER_MESH = f"{ROLE}sgsync/orders-db-2/sgsync-orders-db-2-LifecycleRole-1A2B3C"


def matched(event: dict[str, Any]) -> set[str]:
    """The rules that would pass an event on."""
    rules = {name: one for name, one in transformed().items() if one["Type"] == "AWS::Events::Rule"}
    patterns = {name: rule["Properties"]["EventPattern"] for name, rule in rules.items()}
    return {name for name, pattern in patterns.items() if EventPattern(json.dumps(pattern), pattern).matches_event(event)}


def call(who: dict[str, Any], parameters: dict[str, Any], name: str, **more: str) -> dict[str, Any]:
    """An API call as CloudTrail reports it."""
    detail = {"eventSource": "ec2.amazonaws.com", "eventName": name, "userIdentity": who, "requestParameters": parameters}
    return {"source": "aws.ec2", "detail-type": "AWS API Call via CloudTrail", "detail": detail | more}


def role(arn: str) -> dict[str, Any]:
    return {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"type": "Role", "arn": arn}}}


USER, OWN_GROUP = {"type": "IAMUser", "userName": "ops"}, {"groupId": "sg-1"}
MODIFY, OWN_MODIFIED = "ModifySecurityGroupRules", {"ModifySecurityGroupRulesRequest": {"GroupId": "sg-1"}}
AUTHORIZE, REVOKE = "AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"


@pytest.mark.parametrize(
    "event",
    [
        call(USER, OWN_GROUP, AUTHORIZE),
        call({"type": "Root"}, OWN_GROUP, REVOKE),
        call(role(ADMIN), OWN_GROUP, REVOKE),
        call(role(ADMIN), OWN_MODIFIED, MODIFY),
        call(USER, OWN_MODIFIED, MODIFY),
        call(USER, OWN_GROUP, "UpdateSecurityGroupRuleDescriptionsIngress"),
        call(role(OTHER_MESH), OWN_GROUP, AUTHORIZE),
    ],
)
def test_anyone_elses_change_is_looked_at(event: dict[str, Any]) -> None:
    assert matched(event) == {"TamperRule"}


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(call(role(OURS), OWN_GROUP, AUTHORIZE), id="our own, of whichever region"),
        pytest.param(call(role(OURS), OWN_MODIFIED, MODIFY), id="our own"),
        pytest.param(call(USER, {"groupId": "sg-9"}, AUTHORIZE), id="another group"),
        pytest.param(call(USER, {"ModifySecurityGroupRulesRequest": {"GroupId": "sg-9"}}, MODIFY), id="another's rule"),
        pytest.param(call(USER, OWN_GROUP, AUTHORIZE, errorCode="Client.UnauthorizedOperation"), id="it failed"),
        pytest.param(call(USER, OWN_GROUP, "AuthorizeSecurityGroupEgress"), id="egress"),
    ],
)
def test_other_calls_are_not(event: dict[str, Any]) -> None:
    assert matched(event) == set()


def auto_scaling(kind: str, group: str, **detail: str) -> dict[str, Any]:
    return {"source": "aws.autoscaling", "detail-type": kind, "detail": {"AutoScalingGroupName": group} | detail}


@pytest.mark.parametrize(
    ("event", "rules"),
    [
        (auto_scaling("EC2 Instance-launch Lifecycle Action", "orders-web", LifecycleHookName="sgsync-orders-db-launch"), {"HookRule"}),
        (auto_scaling("EC2 Instance-terminate Lifecycle Action", "orders-batch", LifecycleHookName="sgsync-orders-db-terminate"), {"HookRule"}),
        (auto_scaling("EC2 Instance-launch Lifecycle Action", "orders-web", LifecycleHookName="theirs"), set()),
        (auto_scaling("EC2 Instance-launch Lifecycle Action", "other", LifecycleHookName="sgsync-orders-db-launch"), set()),
        (auto_scaling("EC2 Instance Launch Successful", "orders-web"), {"MembershipRule"}),
        (auto_scaling("EC2 Instance Launch Unsuccessful", "orders-web"), {"MembershipRule"}),
        (auto_scaling("EC2 Instance Terminate Successful", "orders-web"), {"MembershipRule"}),
        (auto_scaling("EC2 Instance Detach Successful", "orders-web"), {"MembershipRule"}),
        (auto_scaling("EC2 Instance Launch Successful", "other"), set()),
    ],
)  # fmt: skip
def test_groups_of_the_member_and_hooks_of_the_mesh(event: dict[str, Any], rules: set[str]) -> None:
    assert matched(event) == rules


@pytest.mark.parametrize(
    ("state", "wanted"),
    [("pending", 0), ("running", 1), ("stopping", 0), ("stopped", 1), ("shutting-down", 1), ("terminated", 0)],
)
def test_states_in_which_an_address_comes_or_goes(state: str, wanted: int) -> None:
    detail = {"instance-id": "i-1", "state": state}
    event = {"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": detail}
    assert matched(event) == ({"InstanceRule"} if wanted else set())
