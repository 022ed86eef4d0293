"""Each AWS call of a launch, a termination and a true-up fails: by timeout, reset before or after it took effect,
throttle, 500, or access denied; once, which the SDK's retries get past, or from there on for the rest of the run.

The hook's answer and the findings are those of docs/semantics.md. When the fault is over, a message that went back
comes again, and one true-up of the own member makes everything exact."""

from __future__ import annotations

import pytest

from matrix.arena import Arena
from matrix.cases import Trouble, troubles

pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("case", list(troubles()), ids=str)
def test_each_call_fails(arena: Arena, case: Trouble) -> None:
    """Answered and reported as the table says, whatever fails; exact in the end."""
    arena.outcome(case)
