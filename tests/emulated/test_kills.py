"""The process is killed at each AWS call of a launch, a termination and a true-up: before the call takes effect, and
after it has and before its answer arrives (promise 5).

The message comes again, as SQS hands it out again; then one true-up of the own member. Every group is exact, nothing
foreign was touched, nothing was opened that nobody asked for, and no hook is left unanswered. The true-up alone heals
the groups, too, when the event is lost."""

from __future__ import annotations

import pytest

from matrix.arena import Arena
from matrix.cases import Kill, Undisturbed, kills, undisturbed

pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("case", undisturbed(), ids=str)
def test_the_matrix_goes_through_every_call_of_a_run(arena: Arena, case: Undisturbed) -> None:
    """What the other cases kill and fail is what a run really calls."""
    arena.outcome(case)


@pytest.mark.parametrize("case", kills(redelivered=True), ids=str)
def test_killed_at_each_call_and_redelivered(arena: Arena, case: Kill) -> None:
    """The redelivery answers the hook when both groups are as it needs them; the true-up makes everything exact."""
    arena.outcome(case)


@pytest.mark.parametrize("case", kills(redelivered=False), ids=str)
def test_killed_at_each_call_and_the_event_lost(arena: Arena, case: Kill) -> None:
    """The true-up makes every group exact; the hook waits for its heartbeat."""
    arena.outcome(case)
