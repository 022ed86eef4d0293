"""What docs/semantics.md allows a run to answer and to report when one of its calls fails."""

from __future__ import annotations

from dataclasses import dataclass

from product import EAST, WEST

from .cases import Kind, Trouble
from .spots import Role, Scenario

#: Whom a finding is about, where that has an id of its own in every mesh.
GROUP, TARGET = "the Auto Scaling group", "the security group of "


@dataclass(frozen=True)
class Allowed:
    """What a run may come to."""

    #: The hook's result in the report; None where there is no hook.
    answer: str | None
    #: Findings that have to be there, by kind, and whom they are about.
    findings: frozenset[tuple[str, str]] = frozenset()
    #: Regions whose groups need not be exact when the run is over; where the hook was answered CONTINUE all the same,
    #: the findings are what says so.
    open_regions: frozenset[str] = frozenset()
    #: What a run may come to that took so long, on a slow machine, that it had to look anew, and says so.
    slow: Allowed | None = None


def allowed(case: Trouble, instance: str) -> Allowed:
    """The row of the table that this case is in."""
    if not case.outlasts_retries:
        return Allowed(_healed(case))
    if case.spot.region == WEST:
        return _peer_fails(case)
    return _home_fails(case, instance)


def _healed(case: Trouble) -> str | None:
    """The SDK's retries get past a single failure. An answer that took effect is found given by the second attempt."""
    if case.scenario is Scenario.TRUE_UP:
        return None
    return "GONE" if case.spot.role is Role.ANSWER and case.kind is Kind.RESET_AFTER else "CONTINUE"


def _peer_fails(case: Trouble) -> Allowed:
    """A peer cannot be reached: CONTINUE, finding."""
    silent = case.kind is Kind.TIMEOUT  # its budget ends before the call's attempts do
    refused = case.spot.role is Role.CHANGE and not silent
    about = ("target-failed", TARGET + WEST) if refused else ("peer-unreachable", WEST)
    return Allowed(_continue(case), frozenset({about}), frozenset({WEST}))


def _home_fails(case: Trouble, instance: str) -> Allowed:
    role, open_regions = case.spot.role, frozenset({EAST, WEST})
    if role in (Role.ROWS, Role.ROW):
        # The own mirror is not available: adds still happen, and removals that are certain; CONTINUE, finding. A
        # true-up is certain of no departure that it does not see with its own eyes.
        uncertain = open_regions if case.scenario is Scenario.TRUE_UP else frozenset[str]()
        about = ("mirror-unavailable", GROUP)
        slow = None
        if case.scenario is Scenario.TERMINATE:
            # Rules that were read anew without the rows may be of somebody who came since: the hook waits.
            slow = Allowed("RETRY", frozenset({about, ("hook-unanswered", instance)}), open_regions)
        return Allowed(_continue(case), frozenset({about}), uncertain, slow)
    if role is Role.LATER_RULES:
        return Allowed(_continue(case), frozenset({("target-failed", EAST)}))
    if role is Role.LATER_ROWS:
        return Allowed(_continue(case), frozenset({("not-settled", EAST)}))
    if role is Role.ANSWER:
        return Allowed("RETRY", frozenset({("hook-unanswered", instance)}))
    if role is Role.OBSERVATION:
        about = ("group-unobserved", GROUP)
    elif role is Role.CHANGE:
        about, open_regions = ("target-failed", TARGET + EAST), frozenset({EAST})
    else:
        about, open_regions = ("target-failed", EAST), frozenset({EAST})
    if case.scenario is Scenario.TRUE_UP:
        return Allowed(None, frozenset({about}), open_regions)
    if case.kind is Kind.DENIED:
        # A local failure that will not pass: on_launch_failure, finding; a termination goes on, finding. The peer
        # admits the instance that is abandoned until its terminate hook, which AWS would run now and moto does not.
        compromised = frozenset({about, ("hook-compromised", instance)})
        if case.scenario is Scenario.LAUNCH:
            return Allowed("ABANDON", compromised, frozenset({EAST, WEST}))
        return Allowed("CONTINUE", compromised, open_regions)
    # A local failure that may pass: the message goes back to the queue.
    return Allowed("RETRY", frozenset({about, ("hook-unanswered", instance)}), open_regions)


def _continue(case: Trouble) -> str | None:
    return None if case.scenario is Scenario.TRUE_UP else "CONTINUE"
