"""What must be denied: one call for each thing that a function has no business doing, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from expanded import ACCOUNT
from policies import MESH, REGIONS, Question, prefix_list, target

EAST, WEST, _ = REGIONS
#: A region where the mesh has no member.
ELSEWHERE = "ap-southeast-2"

_TABLE = f"sgsync-{MESH}"
_OWN_TAGS = {"sgsync:mesh": MESH, "sgsync:member": EAST}


def _call(
    role: str, action: str, resource: str, why: str, region: str = EAST, context: dict[str, Any] | None = None
) -> Question:
    return Question(role, EAST, action, resource, {"aws:RequestedRegion": region} | (context or {}), f"({why})")


def _ec2(kind: str, name: str, region: str = EAST, account: str = ACCOUNT) -> str:
    return f"arn:aws:ec2:{region}:{account}:{kind}/{name}"


def _asg(name: str, region: str = EAST) -> str:
    return f"arn:aws:autoscaling:{region}:{ACCOUNT}:autoScalingGroup:uuid:autoScalingGroupName/{name}"


def _table(name: str = _TABLE, region: str = EAST) -> str:
    return f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/{name}"


def _arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{EAST}:{ACCOUNT}:{rest}"


def security_groups(role: str) -> Iterator[Question]:
    """Rules may be added and revoked in the mesh's groups, and nothing else."""
    own, rule = _ec2("security-group", target(EAST)), _ec2("security-group-rule", "sgr-0fedcba9876543210")
    other = _ec2("security-group", "sg-0fedcba9876543210")
    for verb in ("Authorize", "Revoke"):
        action = f"ec2:{verb}SecurityGroupIngress"
        yield _call(role, action, other, "a group that is not the mesh's")
        at_peer = _ec2("security-group", "sg-0fedcba9876543210", WEST)
        yield _call(role, action, at_peer, "nor the mesh's, in a peer's region", WEST)
        elsewhere = _ec2("security-group", target(EAST), ELSEWHERE)
        yield _call(role, action, elsewhere, "a region without a member", ELSEWHERE)
        foreign = _ec2("security-group", target(EAST), account="999999999999")
        yield _call(role, action, foreign, "another account")
        yield _call(role, f"ec2:{verb}SecurityGroupEgress", own, "what instances may reach is not the mesh's")
    yield _call(role, "ec2:ModifySecurityGroupRules", own, "could change a foreign rule")
    yield _call(role, "ec2:ModifySecurityGroupRules", rule, "could change a foreign rule")
    yield _call(role, "ec2:UpdateSecurityGroupRuleDescriptionsIngress", own, "could change a foreign rule")
    yield _call(role, "ec2:DeleteSecurityGroup", own, "the group is its owner's")
    yield _call(role, "ec2:ModifyInstanceAttribute", _ec2("instance", "i-0123456789abcdef0"), "not its business")
    yield _call(role, "ec2:TerminateInstances", _ec2("instance", "i-0123456789abcdef0"), "not its business")
    new = _ec2("security-group-rule", "sgr-0123456789abcdef0", ELSEWHERE)
    yield _call(role, "ec2:AuthorizeSecurityGroupIngress", new, "a region without a member", ELSEWHERE)


def tags(role: str) -> Iterator[Question]:
    """A tag says whose rule it is: it may be given to a rule that this very call makes, and never taken away."""
    rule = _ec2("security-group-rule", "sgr-0fedcba9876543210")
    made_here = {"ec2:CreateAction": "AuthorizeSecurityGroupIngress"}

    def create(why: str, given: dict[str, str], made: dict[str, str], on: str = rule, region: str = EAST) -> Question:
        context: dict[str, Any] = {f"aws:RequestTag/{key}": value for key, value in given.items()}
        return _call(role, "ec2:CreateTags", on, why, region, context | made | {"aws:TagKeys": sorted(given)})

    yield _call(role, "ec2:DeleteTags", rule, "would make an own rule foreign", context={"aws:TagKeys": ["Name"]})
    yield _call(role, "ec2:DeleteTags", rule, "would take a foreign rule's tags", context={"aws:TagKeys": ["Name"]})
    yield create("would make a foreign rule, which is there already, our own", _OWN_TAGS, {})
    yield create("another mesh's rule", _OWN_TAGS | {"sgsync:mesh": "other"}, made_here)
    yield create("a rule that is nobody's", {"sgsync:member": EAST}, made_here)
    yield create("a tag that is not ours", _OWN_TAGS | {"CostCenter": "42"}, made_here)
    instance = _ec2("instance", "i-0123456789abcdef0")
    yield create("an instance", _OWN_TAGS, {"ec2:CreateAction": "RunInstances"}, instance)
    yield create("egress", _OWN_TAGS, {"ec2:CreateAction": "AuthorizeSecurityGroupEgress"})
    there = _ec2("security-group-rule", "sgr-0fedcba9876543210", ELSEWHERE)
    yield create("a region without a member", _OWN_TAGS, made_here, there, ELSEWHERE)
    yield create("the group itself", _OWN_TAGS, made_here, _ec2("security-group", target(EAST)))


def prefix_lists(role: str) -> Iterator[Question]:
    """Entries may be added and removed in the mesh's lists, and nothing else."""
    own, other = _ec2("prefix-list", prefix_list(EAST)), _ec2("prefix-list", "pl-0fedcba9876543210")
    for action in ("GetManagedPrefixListEntries", "ModifyManagedPrefixList"):
        yield _call(role, f"ec2:{action}", other, "a list that is not the mesh's")
        foreign = _ec2("prefix-list", prefix_list(EAST), account="999999999999")
        yield _call(role, f"ec2:{action}", foreign, "another account")
    for action in ("RestoreManagedPrefixListVersion", "DeleteManagedPrefixList"):
        yield _call(role, f"ec2:{action}", own, "the list is its owner's")
    yield _call(role, "ec2:DescribeManagedPrefixLists", "*", "a region without a member", ELSEWHERE)


def reading(role: str) -> Iterator[Question]:
    """What is described is bounded by region: AWS knows no other bound."""
    yield _call(role, "ec2:DescribeSecurityGroupRules", "*", "a region without a member", ELSEWHERE)
    yield _call(role, "ec2:DescribeInstances", "*", "a peer observes its own instances", WEST)
    yield _call(role, "autoscaling:DescribeAutoScalingGroups", "*", "a peer observes its own groups", WEST)
    yield _call(role, "autoscaling:DescribeAutoScalingInstances", "*", "a peer observes its own instances", WEST)
    yield _call(role, "ec2:DescribeVpcs", "*", "nothing needs it")
    yield _call(role, "autoscaling:DescribeLaunchConfigurations", "*", "nothing needs it")


def hooks() -> Iterator[Question]:
    """Hooks of the member's own groups may be answered, by the function that is there for it."""
    answer, own = "autoscaling:CompleteLifecycleAction", _asg(f"{MESH}-{EAST}")
    yield _call("lifecycle", answer, _asg("payments"), "another group's hooks")
    yield _call("lifecycle", answer, _asg(f"{MESH}-{WEST}", WEST), "a peer answers its own hooks", WEST)
    yield _call("lifecycle", answer, _asg(f"{MESH}-{EAST}", WEST), "a group of the same name in a peer's region", WEST)
    yield _call("trueup", answer, own, "a true-up answers no hooks")
    for action in ("RecordLifecycleActionHeartbeat", "PutLifecycleHook", "DeleteLifecycleHook", "SetDesiredCapacity"):
        for group in (own, _asg(f"{MESH}-{EAST}-batch")):
            yield _call("lifecycle", f"autoscaling:{action}", group, "nothing needs it")


def rows(role: str) -> Iterator[Question]:
    """Every member's rows may be read by key, the own ones put, in the mesh's tables."""

    def of(*members: str) -> dict[str, Any]:
        return {"dynamodb:LeadingKeys": list(members)}

    put = "dynamodb:PutItem"
    yield _call(role, put, _table(), "a peer's row, in the own table", context=of(WEST))
    yield _call(role, put, _table(region=WEST), "a peer's row, in its table", WEST, of(WEST))
    yield _call(role, put, _table(), "no key given: ForAllValues alone would allow it")
    yield _call(role, put, _table("orders"), "another table", context=of(EAST))
    yield _call(role, put, _table(region=ELSEWHERE), "a region without a member", ELSEWHERE, of(EAST))
    for action in ("UpdateItem", "DeleteItem", "BatchWriteItem", "Query", "GetItem"):
        yield _call(role, f"dynamodb:{action}", _table(), "nothing needs it", context=of(EAST))
    for action in ("Scan", "DeleteTable", "UpdateTable", "DescribeTable"):
        yield _call(role, f"dynamodb:{action}", _table(), "nothing needs it")
    get = "dynamodb:BatchGetItem"
    yield _call(role, get, _table("orders"), "another table", context=of(EAST))
    yield _call(role, get, _table(region=ELSEWHERE), "a region without a member", ELSEWHERE, of(EAST))


def peers() -> Iterator[Question]:
    """Who comes in through the peer role may do what a peer does, here."""
    yield from security_groups("peer")
    yield from prefix_lists("peer")
    yield from tags("peer")
    yield from reading("peer")
    yield _call("peer", "ec2:DescribeSecurityGroupRules", "*", "another member's region", WEST)
    yield _call("peer", "ec2:DescribeInstances", "*", "instances are their own member's to observe")
    yield _call("peer", "autoscaling:DescribeAutoScalingGroups", "*", "groups are their own member's to observe")
    own = _asg(f"{MESH}-{EAST}")
    yield _call("peer", "autoscaling:CompleteLifecycleAction", own, "hooks are their own member's to answer")
    at_west = _ec2("security-group", target(WEST), WEST)
    yield _call("peer", "ec2:AuthorizeSecurityGroupIngress", at_west, "another member's group", WEST)
    new_at_west = _ec2("security-group-rule", "sgr-0123456789abcdef0", WEST)
    yield _call("peer", "ec2:AuthorizeSecurityGroupIngress", new_at_west, "another member's group", WEST)
    yield _call("peer", "sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/admin", "no further")

    def of(*members: str) -> dict[str, Any]:
        return {"dynamodb:LeadingKeys": list(members)}

    put = "dynamodb:PutItem"
    yield _call("peer", put, _table(), "this member's own row", context=of(EAST))
    yield _call("peer", put, _table(), "no key given: ForAllValues alone would allow it")
    yield _call("peer", put, _table("orders"), "another table", context=of(WEST))
    yield _call("peer", "dynamodb:BatchGetItem", _table("orders"), "another table", context=of(WEST))
    for action in ("UpdateItem", "DeleteItem", "BatchWriteItem", "Query", "GetItem"):
        yield _call("peer", f"dynamodb:{action}", _table(), "nothing needs it", context=of(WEST))
    for action in ("Scan", "DeleteTable", "UpdateTable", "DescribeTable"):
        yield _call("peer", f"dynamodb:{action}", _table(), "nothing needs it")


def the_rest() -> Iterator[Question]:
    """Queues, logs, functions and roles: each role its own."""
    queue, log = _arn("sqs", f"sgsync-{MESH}-events"), _arn("logs", "log-group:/aws/lambda/")
    dead_letters = _arn("sqs", f"sgsync-{MESH}-dead-letters")
    for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
        yield _call("lifecycle", f"sqs:{action}", dead_letters, "dead letters are for people")
    yield _call("lifecycle", "sqs:SendMessage", queue, "events come from EventBridge")
    yield _call("trueup", "sqs:ReceiveMessage", queue, "events are for the other function")
    for action in ("CreateLogStream", "PutLogEvents"):
        other = f"{log}payments:log-stream:1"
        yield _call("lifecycle", f"logs:{action}", other, "another function's log")
        yield _call("trueup", f"logs:{action}", other, "another function's log")
    yield _call("trueup", "logs:DeleteLogStream", f"{log}sgsync-{MESH}-trueup:log-stream:1", "the log is the audit")
    yield _call("lifecycle", "logs:DeleteLogStream", f"{log}sgsync-{MESH}-hooks:log-stream:1", "the log is the audit")
    hooks_function = _arn("lambda", f"function:sgsync-{MESH}-hooks")
    yield _call("trueup", "lambda:InvokeFunction", hooks_function, "nothing needs it")
    yield _call("schedule", "lambda:InvokeFunction", hooks_function, "the schedule is the true-up's")
    yield _call("schedule", "lambda:UpdateFunctionCode", _arn("lambda", f"function:sgsync-{MESH}-trueup"), "of course")
    yield _call("schedule", "sqs:SendMessage", queue, "the schedule sends no events")
    undelivered = _arn("sqs", f"sgsync-{MESH}-undelivered")
    yield _call("schedule", "sqs:PurgeQueue", undelivered, "only sends")
    for role in ("lifecycle", "trueup"):
        admin = f"arn:aws:iam::{ACCOUNT}:role/admin"
        yield _call(role, "sts:AssumeRole", admin, "no role but the peers'")
        peer = "arn:aws:iam::210987654321:role/sgsync-peer"
        yield _call(role, "sts:TagSession", peer, "nothing needs it", context={"aws:TagKeys": ["a"]})


def forbidden() -> list[Question]:
    """All of it."""
    shared = (security_groups, prefix_lists, tags, reading, rows)
    both = [question for part in shared for role in ("lifecycle", "trueup") for question in part(role)]
    return [*both, *hooks(), *peers(), *the_rest()]
