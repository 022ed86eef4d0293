"""What the bench measures and what it must come to: the rows of its table, and how they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

#: Calls that one launch may cost in a mesh of so many members, and an idle true-up.
MEMBERS: Final = (2, 3, 5)
IN_SERVICE: Final = (0, 9, 50)
MANY: Final = 900
PERMISSIONS: Final = (1_000, 10_000, 100_000)


@dataclass(frozen=True)
class Row:
    """One line of the table. `unit` is s, ms, MB, × or empty for a count; `must` is the most that is good enough."""

    key: str
    what: str
    unit: str = ""
    must: float | None = None
    aim: str = ""


def _rows() -> list[Row]:
    return [
        *(Row(f"calls-{n}", f"calls, one warm launch, {n} in service", "", 16, "15") for n in (*IN_SERVICE, MANY)),
        *(
            Row(f"answered-{n}", f"time until the hook is answered, warm, {n} in service", "s", bound)
            for n, bound in zip(IN_SERVICE, (None, None, 0.4), strict=True)
        ),
        Row("near-50", "time until the hook is answered, 50 in service, with no distance", "s"),
        Row("served-50", "the emulators' service times of such a launch's calls, added up", "s"),
        Row("path-50", "peer round trips between the own row and the answer, 50 in service", "", None, "2"),
        Row("ended-50", "time until the invocation ends, the fresh look included, warm, 50 in service", "s"),
        Row("cold-50", "time until the hook is answered, new process, 50 in service", "s"),
        Row("storm-calls", "calls, 25 launches at once", "", 80),
        Row("storm-time", "time until the last of 25 hooks is answered", "s", 2),
        *(Row(f"members-{n}", f"calls, one warm launch, {n} members", "", 4 + 6 * n) for n in MEMBERS),
        *(
            Row(f"members-time-{n}", f"time until the hook is answered, {n} members", "s", None, "as with 2")
            for n in MEMBERS
        ),
        Row("swallowed", "time until the hook is answered, the peer swallows packets", "s", 5, "budget + 1 s"),
        Row("start", "process start to first poll", "ms", 20, "10"),
        Row("memory", "memory, the most in 100 launches at 50 in service", "MB", 24, "16"),
        Row("zip", "zip of one function, the larger one", "MB", 4, "3"),
        *(Row(f"plan-{n}", f"planning {n:,} permissions, against sorting the keys", "×", 4, "2") for n in PERMISSIONS),
        *(Row(f"check-{n}", f"checking a plan of {n:,}, against sorting the keys", "×", 4, "2") for n in PERMISSIONS),
        *(Row(f"idle-{n}", f"calls, a true-up with nothing to do, {n} members", "", 4 + 2 * n) for n in MEMBERS),
        Row("idle-writes", "calls of these true-ups that write", "", 0),
    ]


ROWS: Final = _rows()


@dataclass(frozen=True)
class Value:
    """What was measured. `at_least`: the patience ended before the measurement did."""

    ours: float | None = None
    baseline: float | None = None
    at_least: bool = False


def is_met(row: Row, value: Value | None) -> bool:
    """Whether a row is good enough; one that has a bound and was not measured is not."""
    return row.must is None or (value is not None and value.ours is not None and value.ours <= row.must)


def table(values: Mapping[str, Value], rows: Sequence[Row] = ROWS) -> list[str]:
    """The table, in Markdown."""
    head = "| what | baseline | sgsync | must | met | aim | ratio |"
    lines = [_line(row, values.get(row.key)) for row in rows]
    return [head, "| --- | ---: | ---: | ---: | --- | ---: | ---: |", *lines]


def _line(row: Row, value: Value | None) -> str:
    value = value or Value()
    bound = ">" if value.at_least else ""
    ratio = "–"
    if value.baseline is not None and value.ours:
        ratio = f"{bound}{value.baseline / value.ours:.1f}"
    baseline = "–" if value.baseline is None else bound + shown(value.baseline, row.unit)
    ours = "not measured" if value.ours is None else shown(value.ours, row.unit)
    must = "" if row.must is None else f"≤ {row.must:g}{_unit(row.unit)}"
    met = "" if row.must is None else "yes" if is_met(row, value) else "**no**"
    aim = row.aim + (_unit(row.unit) if row.aim.isdigit() else "")
    return f"| {row.what} | {baseline} | {ours} | {must} | {met} | {aim} | {ratio} |"


def shown(value: float, unit: str) -> str:
    """A figure as the table shows it."""
    digits = {"s": 2, "MB": 1, "ms": 1, "×": 1}.get(unit, 0)
    return f"{value:,.{digits}f}{_unit(unit)}"


def _unit(unit: str) -> str:
    return f" {unit}" if unit and unit != "×" else unit and " ×"
