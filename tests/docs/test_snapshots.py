"""Outputs that pages show of the command line's snapshot tests: word for word, in order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOTS = ROOT / "cli" / "src"
#: `<!-- output of status/what_it_is_called -->`: the module, and the snapshot's name.
BLOCK = re.compile(r"<!-- output of (\w+)/(\w+) -->\s*```text\n(.*?)```\s*<!-- end of output -->", re.DOTALL)
SHOWN = [(page, *block) for page in sorted((ROOT / "docs").glob("*.md")) for block in BLOCK.findall(page.read_text())]


def not_there(shown: str, real: str) -> list[str]:
    """Lines that are shown and not printed, or not in this order. `…` says that lines were left out."""
    printed = iter(line.rstrip() for line in real.splitlines())
    return [line for line in shown.splitlines() if line.strip() not in ("", "…") and line.rstrip() not in printed]


@pytest.mark.parametrize(("page", "module", "name", "shown"), SHOWN, ids=lambda value: str(value).split("/")[-1][:40])
def test_what_a_page_shows_is_what_is_printed(page: Path, module: str, name: str, shown: str) -> None:
    found = list(SNAPSHOTS.glob(f"**/snapshots/sgsync__{module}__tests__{name}.snap"))
    assert len(found) == 1, f"{page.name} shows {module}/{name}"
    assert shown.strip()
    assert not_there(shown, found[0].read_text().split("---\n", 2)[2]) == []


def test_there_are_such_blocks_and_a_wrong_one_is_caught() -> None:
    assert len(SHOWN) >= 3
    assert not_there("a\n…\nc\n", "a\nb\nc\n") == []
    assert not_there("c\na\n", "a\nb\nc\n") == ["a"]
