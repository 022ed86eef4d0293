"""What must be allowed: every call that the emulated runs recorded, and what AWS itself does in a role's name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from expanded import ACCOUNT
from policies import HERE, LISTS, MESH, PEER_ROLE, REGIONS, TARGETS, Question, prefix_list, target

#: Recorded while tests/emulated ran (rig/recorder.py); to renew it, copy the latest run's over it.
COMMITTED = HERE / "calls.jsonl"
LATEST = HERE.parents[1] / "target" / "iam-calls.jsonl"

EAST = REGIONS[0]
_EVENTS = f"arn:aws:sqs:{EAST}:{ACCOUNT}:sgsync-{MESH}-events"
_LOGS = f"arn:aws:logs:{EAST}:{ACCOUNT}:log-group:/aws/lambda/sgsync-{MESH}"


def recorded() -> list[Question]:
    """The committed calls, and those of the latest emulated run if there was one here."""
    lines = {line for path in (COMMITTED, LATEST) if path.exists() for line in path.read_text().splitlines()}
    return [_question(line) for line in sorted(lines)]


def _question(line: str) -> Question:
    names = {"<mesh>": MESH, "<new>": "sgr-0123456789abcdef0"} | {f"<target {r}>": target(r) for r in TARGETS}
    names |= {f"<list {region}>": prefix_list(region) for region in LISTS}
    for placeholder, name in names.items():
        line = line.replace(placeholder, name)
    call = json.loads(line)
    return Question(call["function"], call["home"], call["action"], call["resource"], call["context"], "(recorded)")


def by_aws() -> Iterator[Question]:
    """Calls that never pass the rig's proxy, because AWS makes them with the role."""

    def question(role: str, action: str, resource: str, why: str) -> Question:
        return Question(role, EAST, action, resource, {"aws:RequestedRegion": EAST}, why)

    for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
        yield question("lifecycle", f"sqs:{action}", _EVENTS, "(Lambda's poller)")
    for role, name in (("lifecycle", "hooks"), ("trueup", "trueup")):
        for action in ("CreateLogStream", "PutLogEvents"):
            stream = f"{_LOGS}-{name}:log-stream:2026/11/22/[$LATEST]0123"
            yield question(role, f"logs:{action}", stream, "(Lambda's logging)")
        yield question(role, "sts:AssumeRole", PEER_ROLE, "(the SDK, for a member with a role_arn)")
    trueup = f"arn:aws:lambda:{EAST}:{ACCOUNT}:function:sgsync-{MESH}-trueup"
    undelivered = f"arn:aws:sqs:{EAST}:{ACCOUNT}:sgsync-{MESH}-undelivered"
    yield question("schedule", "lambda:InvokeFunction", trueup, "(Scheduler)")
    yield question("schedule", "sqs:SendMessage", undelivered, "(Scheduler, when it could not invoke)")


def through_the_peer_role() -> Iterator[Question]:
    """What the others' functions were seen to do in each region, as it is done where that is another account."""
    seen = {(q.action, q.resource, str(q.context)): q for q in recorded() if q.context["aws:RequestedRegion"] != q.home}
    for question in seen.values():
        there = question.context["aws:RequestedRegion"]
        yield replace(question, role="peer", home=there, why="(recorded, of a peer)")


def needed() -> list[Question]:
    """All of it."""
    return [*recorded(), *by_aws(), *through_the_peer_role()]
