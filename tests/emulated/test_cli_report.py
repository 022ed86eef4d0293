"""`sgsync report`: one look at every region, as a page and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from product import EAST, WEST, Product
from rig import BASTION_CIDR, World

DONE, ERROR = 0, 1
Run = Callable[..., "CompletedProcess[str]"]


@pytest.fixture
def report(product: Product, tmp_path: Path) -> Run:
    """Writes the page into `report.html` of the test's folder."""
    return lambda *arguments: product.sgsync("report", "--html", "report.html", *arguments, folder=tmp_path)


def test_the_page_has_every_rule_and_changes_nothing(world: World, report: Run, product: Product, tmp_path: Path) -> None:
    """Each rule of each region by its id, ours and others'."""
    world.seed(EAST, 2)
    world.seed(WEST, 1)
    product.synced()
    world.rig.proxy.reset_counts()
    done = report()
    assert done.returncode == DONE, done.stdout + done.stderr
    assert done.stdout == "report.html is written\n"
    page = (tmp_path / "report.html").read_text()
    for region in (EAST, WEST):
        rules = world.rules(region)
        assert len(rules) == 4
        assert all(rule.id in page for rule in rules)
        assert world.members[region].group in page
    assert BASTION_CIDR in page
    assert product.changes_made() == {}


def test_the_json_says_why_each_rule_is_there(world: World, report: Run, product: Product) -> None:
    """And what is not there, and who could not be seen; the page is written all the same."""
    world.seed(EAST, 2)
    product.synced()
    world.remove_rule(WEST, next(rule.id for rule in world.rules(WEST) if rule.mesh))
    done = report("--output", "json")
    assert done.returncode == DONE, done.stdout + done.stderr
    snapshot = json.loads(done.stdout)
    assert {member["health"] for member in snapshot["members"]} == {"live"}
    east, west = (Counter(rule["standing"] for rule in target["rules"]) for target in snapshot["targets"])
    assert east == {"wanted": 2, "foreign": 1}
    assert west == {"wanted": 1, "to-add": 1, "foreign": 1}
    world.rig.proxy.cut(WEST, "refuse", caller="operator")
    done = report("--output", "json")
    assert done.returncode == ERROR
    snapshot = json.loads(done.stdout)
    assert [member["health"] for member in snapshot["members"]] == ["live", "unreachable"]
    assert snapshot["targets"][1]["rules"] is None
