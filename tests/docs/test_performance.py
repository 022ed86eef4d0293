"""docs/performance.md and docs/scale.md against the bench and the code that they speak of."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "emulated")]

from bench.rows import ROWS, Row, Value, is_met, table  # noqa: E402
from bench.wire import _Endpoint  # noqa: E402

PERFORMANCE = (ROOT / "docs" / "performance.md").read_text()
SCALE = (ROOT / "docs" / "scale.md").read_text()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_the_page_has_every_row_of_the_bench(row: Row) -> None:
    """With the bound that the bench holds it to."""
    bound = table({})[2 + ROWS.index(row)].split(" | ")[3]
    lines = [line for line in PERFORMANCE.splitlines() if line.startswith(f"| {row.what} |")]
    assert [line.split(" | ")[3] for line in lines] == [bound]


def test_the_page_has_no_row_that_the_bench_does_not_know() -> None:
    """A row that was renamed or dropped would stay for ever."""
    block = PERFORMANCE.split("<!-- begin")[1].split("<!-- end")[0]
    shown = re.findall(r"^\| (.+?) \|", block, re.MULTILINE)[2:]
    assert shown == [row.what for row in ROWS]


def test_a_must_that_was_not_measured_is_not_met() -> None:
    """Nothing passes by being left out."""
    row = Row("k", "w", "s", 2.0)
    assert is_met(row, Value(2.0))
    assert not is_met(row, Value(2.1))
    assert not is_met(row, Value(None, 1.0))
    assert not is_met(row, None)
    assert is_met(Row("k", "w"), None)


def test_an_endpoint_opens_a_connection_only_when_all_are_busy() -> None:
    """What decides who pays for a connection."""
    endpoint = _Endpoint()
    assert [endpoint.take(), endpoint.take()] == [True, True]
    endpoint.busy -= 2
    assert [endpoint.take(), endpoint.take(), endpoint.take()] == [False, False, True]


@pytest.mark.parametrize(
    ("file", "constant", "value"),
    [
        ("sync-aws/src/ec2.rs", "VALUES_PER_FILTER: usize", "200"),
        ("sync-aws/src/ec2.rs", "IDS_PER_CALL: usize", "1000"),
        ("sync-core/src/reconcile/apply.rs", "SINGLES: usize", "10"),
        ("sync-aws/src/dynamodb.rs", "KEYS_PER_CALL: usize", "100"),
        ("sync-core/src/reconcile/apply.rs", "RULES_PER_CALL: usize", "200"),
        ("sam/template.yaml", "MaximumConcurrency", "5"),
        ("sam/template.yaml", "BatchSize", "10"),
    ],
)
def test_the_figures_that_the_scale_page_reckons_with_are_those_of_the_code(
    file: str, constant: str, value: str
) -> None:
    """Each is named on the page with its value."""
    assert re.search(rf"{re.escape(constant)}( =|:) {value}\b", (ROOT / file).read_text())
    assert f"`{constant.split(':')[0]}` = {value}" in SCALE
