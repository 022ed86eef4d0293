"""docs/configuration.md against the functions. What it says of the mesh document, sync-core/tests/configuration.rs holds."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "configuration.md").read_text()
#: Lambda sets these in every function.
LAMBDA = {"AWS_REGION", "AWS_LAMBDA_FUNCTION_NAME"}


def rows() -> dict[str, str]:
    """Each variable of the page, and who sets it."""
    section = PAGE.split("\n## The functions' environment\n")[1]
    return dict(re.findall(r"^\| `(\w+)` \| ([\w ]+?) \|", section, re.MULTILINE))


def test_the_page_has_every_variable_that_a_function_reads() -> None:
    """lambda/src/config.rs is the only place that reads any: clippy.toml sees to it."""
    code = (ROOT / "lambda" / "src" / "config.rs").read_text()
    assert set(re.findall(r'variable\("(\w+)"\)', code)) == rows().keys()
    assert "only lambda/src/config.rs reads the environment" in (ROOT / "clippy.toml").read_text()


def test_the_stack_sets_what_the_page_says_that_it_sets() -> None:
    template = (ROOT / "sam" / "template.yaml").read_text()
    assert set(re.findall(r"^ +(SGSYNC_\w+):", template, re.MULTILINE)) == {n for n, who in rows().items() if who == "the stack"}
    assert {name for name, who in rows().items() if who == "Lambda"} == LAMBDA


def test_the_page_says_how_long_a_document_the_stack_takes() -> None:
    most = re.search(r"Mesh:\n.*?MaxLength: (\d+)", (ROOT / "sam" / "template.yaml").read_text(), re.DOTALL)
    assert most and f"which takes [{most[1]}]" in PAGE
