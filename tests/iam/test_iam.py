"""The proof of least privilege: all that is needed is allowed, nothing else that we could think of is, and not one piece
of a policy can go, or grow, without this noticing."""

from __future__ import annotations

from collections import defaultdict

import pytest

from forbidden import forbidden
from mutations import dropped, widened
from needed import COMMITTED, LATEST, needed, recorded
from policies import ACCOUNT, MESH, REGIONS, ROLES, Policies, Question, ask, beside, policies


def judged(questions: list[Question]) -> dict[str, bool]:
    answers = ask((policies(q.role, q.home), q) for q in questions)
    return {str(question): allowed for question, allowed in zip(questions, answers, strict=True)}


def test_everything_needed_is_allowed() -> None:
    assert recorded(), f"neither {COMMITTED} nor {LATEST} holds a call"
    denied = [what for what, allowed in judged(needed()).items() if not allowed]
    assert denied == []


def test_everything_forbidden_is_denied() -> None:
    questions = forbidden()
    assert len({str(question) for question in questions}) == len(questions) >= 30
    allowed = [what for what, allowed in judged(questions).items() if allowed]
    assert allowed == []


@pytest.mark.parametrize("role", ["lifecycle", "trueup"])
def test_two_members_of_one_region_cannot_do_each_others_part(role: str) -> None:
    """Rows, hooks, queue and log are a member's own; the second one's stack may do for itself what the first one's may."""
    home, second = REGIONS[0], f"{MESH}-blue"
    group = f"arn:aws:autoscaling:{home}:{ACCOUNT}:autoScalingGroup:uuid:autoScalingGroupName"
    log = f"arn:aws:logs:{home}:{ACCOUNT}:log-group:/aws/lambda/sgsync"
    end = {"lifecycle": "hooks", "trueup": "trueup"}[role]

    def part(member: str, stack: str, group_name: str) -> list[Question]:
        tables = [f"arn:aws:dynamodb:{home}:{ACCOUNT}:table/sgsync-{name}" for name in (MESH, second)]
        asked = [("dynamodb:PutItem", table, {"dynamodb:LeadingKeys": [member]}) for table in tables]
        asked += [("logs:PutLogEvents", f"{log}-{stack}-{end}:log-stream:s", {})]
        if role == "lifecycle":
            asked += [("autoscaling:CompleteLifecycleAction", f"{group}/{group_name}", {})]
            asked += [("sqs:ReceiveMessage", f"arn:aws:sqs:{home}:{ACCOUNT}:sgsync-{stack}-events", {})]
        return [Question(role, home, *one[:2], {"aws:RequestedRegion": home} | one[2]) for one in asked]

    first, other = part(home, MESH, f"{MESH}-{home}"), part("blue", second, second)
    assert ask([(beside(role, "blue"), question) for question in other + first]) == [True] * len(other) + [False] * len(first)
    # The first one's stack does not know the second one's table until its document does.
    known = [question for question in other if second not in question.resource or "table" not in question.resource]
    assert not any(ask([(policies(role, home), question) for question in known]))


def test_every_granted_action_was_seen_in_use() -> None:
    """What a run does not show to be needed is not granted: all calls come from the list, and by role."""
    used = defaultdict(set)
    for question in needed():
        used[question.role].add(question.action)
    for role in ROLES:
        granted = set()
        for document in policies(role, REGIONS[0]).values():
            for statement in document["Statement"]:
                actions = statement["Action"]
                granted |= set(actions if isinstance(actions, list) else [actions])
        assert granted == used[role], role


@pytest.mark.parametrize("role", ROLES)
def test_dropping_any_piece_denies_something_needed(role: str) -> None:
    """Judged for the first region's stack, whose calls reach every region of the mesh."""
    home = REGIONS[0]
    wanted = [question for question in needed() if (question.role, question.home) == (role, home)]
    survivors = unnoticed(list(dropped(policies(role, home))), wanted, alarm=False)
    assert survivors == [], "could be dropped and nothing would miss it"


@pytest.mark.parametrize("role", ROLES)
def test_widening_any_statement_allows_something_forbidden(role: str) -> None:
    home = REGIONS[0]
    unwanted = [question for question in forbidden() if (question.role, question.home) == (role, home)]
    survivors = unnoticed(list(widened(policies(role, home))), unwanted, alarm=True)
    assert survivors == [], "could be widened and nothing would notice"


def unnoticed(mutants: list[tuple[str, Policies]], questions: list[Question], alarm: bool) -> list[str]:
    """The mutants under which no question gets the alarming answer."""
    assert mutants
    answers = ask((mutant, question) for _, mutant in mutants for question in questions)
    seen = {
        name: alarm in answers[at * len(questions) : (at + 1) * len(questions)] for at, (name, _) in enumerate(mutants)
    }
    return [name for name, noticed in seen.items() if not noticed]
