"""Holds an output that the README shows against the real one.

`python tests/docs/readme.py "make demo" FILE` fails unless every line of the block between `<!-- output of make demo -->`
and `<!-- end of output -->` stands in FILE, in this order. What differs from run to run (times, counts, ids) is compared
by shape only; a line of the block that is just `…` says that lines were left out. Tests hold the outputs that other pages
show against the real ones in the same way.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
GUIDE = README.parent / "docs" / "deploy.md"
_SHAPES = (
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"\b(sg|sgr|i)-[0-9a-f]+"), r"\1-…"),
    # pytest says a time above a minute a second time, so on a slow machine only
    (re.compile(r" \(\d+:\d{2}:\d{2}\)"), ""),
    (re.compile(r"\d+(\.\d+)?"), "0"),
    (re.compile(r"[ =─]+"), " "),
)


def shape(line: str) -> str:
    """A line without what differs from run to run."""
    for pattern, instead in _SHAPES:
        line = pattern.sub(instead, line)
    return line.strip()


def block(command: str, page: Path | None = None) -> list[str]:
    """The lines that a page, the README unless another is named, shows of a command's output."""
    begin, end = f"<!-- output of {command} -->", "<!-- end of output -->"
    page = page or README
    text = page.read_text()
    if begin not in text:
        raise SystemExit(f"{page.name} shows no output of {command}")
    lines = text.split(begin, 1)[1].split(end, 1)[0].strip().splitlines()
    return [line for line in lines if line.strip() not in ("", "…", "```", "```text")]


def missing(command: str, output: str, page: Path | None = None) -> list[str]:
    """The lines of the page that the real output does not have, or not in this order."""
    real = iter([shape(line) for line in output.splitlines()])
    return [line for line in block(command, page) if shape(line) not in real]


def main() -> int:
    """Compares; the exit code says whether the README tells the truth."""
    command, file = sys.argv[1:]
    wrong = missing(command, Path(file).read_text())
    for line in wrong:
        print(f"the README shows a line that `{command}` does not print: {line}")
    return 1 if wrong or not block(command) else 0


if __name__ == "__main__":
    sys.exit(main())
