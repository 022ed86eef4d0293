"""What the pages say, held against the tree."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import readme

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("sam/*.md"), *ROOT.glob("examples/*.md")])


@pytest.mark.parametrize("number", range(1, 9))
def test_every_promise_has_a_test_named_after_it(number: int) -> None:
    """Promises are stated in docs/semantics.md, numbered as in the tests' names."""
    assert f"\n## {number}. " in (ROOT / "docs" / "semantics.md").read_text()
    tests = [*ROOT.glob("tests/simulation/promises/*.rs"), *ROOT.glob("sync-core/src/**/*.rs")]
    named = re.compile(rf"fn promise_{number}_\w+")
    assert any(named.search(file.read_text()) for file in tests)


def test_every_test_of_promises_is_linked_from_one() -> None:
    """A new file of promise tests belongs under the promise that it holds."""
    text = (ROOT / "docs" / "semantics.md").read_text()
    held = {file.name for file in ROOT.glob("tests/simulation/promises/*.rs")} - {"main.rs", "calls.rs"}
    assert {name for name in held if f"promises/{name})" not in text} == set()
    assert all("\nHeld by [" in section for section in re.split(r"\n## ", text)[1:9])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """Links inside the repository, and to a heading of a page."""
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", page.read_text())
    lost = []
    for link, heading in links:
        target = (page.parent / link) if link else page
        if not target.exists() or (heading and heading not in anchors(target)):
            lost.append(f"{link}#{heading}")
    assert lost == []


def anchors(page: Path) -> set[str]:
    """What links to a page's headings may be called, as GitHub makes it of their text."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_index_has_every_page() -> None:
    """A page that nobody finds helps nobody."""
    text = (ROOT / "docs" / "index.md").read_text()
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"index.md"}
    pages |= {page.name for page in ROOT.glob("*.md")}
    assert {name for name in pages if f"{name})" not in text and f"{name}#" not in text} == set()


def test_the_readmes_mesh_document_is_valid(tmp_path: Path) -> None:
    """`sgsync check` says so."""
    text = (ROOT / "README.md").read_text()
    (tmp_path / "mesh.toml").write_text(text.split("```toml\n", 1)[1].split("```", 1)[0])
    done = subprocess.run([ROOT / "target" / "debug" / "sgsync", "check"], cwd=tmp_path, check=False)
    assert done.returncode == 0


def test_a_readme_that_shows_what_is_not_printed_is_caught(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Shapes may differ in numbers and ids, not in words or order."""
    page = tmp_path / "README.md"
    page.write_text("<!-- output of x -->\n```text\na 1.5 s\n…\nb i-0a\n```\n<!-- end of output -->\n")
    monkeypatch.setattr(readme, "README", page)
    assert readme.missing("x", "a 2 s\nother\nb i-ff\n") == []
    assert readme.missing("x", "b i-ff\na 2 s\n") == ["b i-0a"]
    assert readme.missing("x", "a 2 s\n") == ["b i-0a"]
