"""The cases of the matrix, with names that say what happens where."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from .spots import SPOTS, Scenario, Spot


class Kind(StrEnum):
    """How a call goes wrong."""

    TIMEOUT = "timeout"
    RESET_BEFORE = "reset-before"
    RESET_AFTER = "reset-after"
    THROTTLE = "throttle"
    ERROR_500 = "500"
    DENIED = "denied"


@dataclass(frozen=True)
class Undisturbed:
    """A run that nothing happens to."""

    scenario: Scenario

    def __str__(self) -> str:
        return f"{self.scenario}-undisturbed"


@dataclass(frozen=True)
class Kill:
    """The process dies at a call: before it takes effect, or after and before its answer arrives."""

    scenario: Scenario
    spot: Spot
    after: bool
    #: Whether the hook's message comes again; else its event is lost.
    redelivered: bool

    def __str__(self) -> str:
        moment = "after" if self.after else "before"
        lost = "" if self.redelivered or self.scenario is Scenario.TRUE_UP else "-event-lost"
        return f"{self.scenario}-kill-{moment}-{self.spot}{lost}"


@dataclass(frozen=True)
class Trouble:
    """A call fails: once, or from there on for the rest of the run."""

    scenario: Scenario
    spot: Spot
    kind: Kind
    for_the_run: bool

    def __str__(self) -> str:
        length = "for-the-run" if self.for_the_run else "once"
        return f"{self.scenario}-{self.kind}-{length}-{self.spot}"

    @property
    def outlasts_retries(self) -> bool:
        """Whether the SDK's retries do not get past it. What is denied is not retried."""
        return self.for_the_run or self.kind is Kind.DENIED


Case = Undisturbed | Kill | Trouble


def undisturbed() -> list[Undisturbed]:
    """One of each scenario."""
    return [Undisturbed(scenario) for scenario in Scenario]


def kills(redelivered: bool) -> Iterator[Kill]:
    """A death before and after every call. A true-up has no message that could come again."""
    for scenario, spots in SPOTS.items():
        if redelivered or scenario is not Scenario.TRUE_UP:
            for spot in spots:
                for after in (False, True):
                    yield Kill(scenario, spot, after, redelivered)


def troubles() -> Iterator[Trouble]:
    """Every fault at every call of a launch, once and for the run; of the other two, either in turn, or both where
    `SGSYNC_MATRIX=full` asks for it."""
    full = os.environ.get("SGSYNC_MATRIX") == "full"
    for scenario, spots in SPOTS.items():
        for spot in spots:
            for place, kind in enumerate(Kind):
                for for_the_run in (False, True):
                    turn = (spot.number + place) % 2 == for_the_run
                    if full or turn or scenario is Scenario.LAUNCH:
                        yield Trouble(scenario, spot, kind, for_the_run)
