"""A mesh document that is wrong: the functions do not start, the command line says the same, and AWS is not asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from product import BINARIES, EAST, WEST, Product
from rig import Function, Rig, World, wait_until

BAD_DOCUMENT = """
name = "Orders DB"
colour = "blue"

[[allow]]
protocol = "tcp"
ports = "7001-7000"

[[member]]
region = "us-east-1"
auto_scaling_groups = ["orders"]
security_groups = ["orders-group"]

[[member]]
region = "us-west-2"
auto_scaling_groups = []
security_groups = ["sg-0fedcba9876543210"]

[limits]
peer_budget_ms = 5
"""
#: Every place in it where something is wrong.
BAD_PLACES = ["name", "colour", "allow[0].ports", "member[0].security_groups[0]", "limits.peer_budget_ms"]


def start_failure(rig: Rig, name: str = "lifecycle", region: str = EAST, **env: str) -> str:
    """Everything that a function says that cannot start, and asserts that it ends in an error."""
    with Function(BINARIES / name, region=region, env=rig.env(region) | env) as function:
        result = function.invoke({"trueup": True}, deadline_s=15)
        assert not result.ok
        wait_until("its last words", lambda: function.logs)
        return "\n".join([json.dumps(result.error), *function.logs])


@pytest.mark.parametrize("name", ["lifecycle", "trueup"])
def test_a_function_does_not_start_with_a_bad_document_and_lists_every_problem(world: World, name: str) -> None:
    """Issue 2, bad input: all at once, each with its path, and no call to AWS."""
    world.rig.proxy.reset_counts()
    said = start_failure(world.rig, name, SGSYNC_MESH=BAD_DOCUMENT)
    for place in BAD_PLACES:
        assert f"{place}: " in said, said
    assert world.rig.proxy.calls() == {}


def test_the_command_line_says_the_same_about_the_same_document(world: World, product: Product, tmp_path: Path) -> None:
    """`sgsync check` prints what the function logs, and exits 1."""
    logged = start_failure(world.rig, SGSYNC_MESH=BAD_DOCUMENT)
    checked = product.sgsync("check", document=BAD_DOCUMENT, folder=tmp_path)
    assert checked.returncode == 1
    problems = [line.strip() for line in checked.stderr.splitlines() if line.startswith("  ")]
    assert {problem.split(": ")[0] for problem in problems} == set(BAD_PLACES)
    for problem in problems:
        assert problem in logged


@pytest.mark.parametrize("document", ["", "not a document", "name = ", "{", '{"name": 5}', "\x00", "[]"])
def test_a_document_that_is_none_is_refused(world: World, product: Product, tmp_path: Path, document: str) -> None:
    """Empty, cut off, or something else: one clear problem, no panic."""
    checked = product.sgsync("check", document=document, folder=tmp_path)
    assert checked.returncode == 1
    assert "problem" in checked.stderr
    assert "panicked" not in checked.stderr


def test_the_document_may_be_in_a_file(world: World, product: Product, tmp_path: Path) -> None:
    """SGSYNC_MESH_FILE; JSON as well as TOML."""
    (tmp_path / "mesh.json").write_text(json.dumps(as_json(world)))
    env = world.rig.env(EAST) | {"SGSYNC_MESH_FILE": str(tmp_path / "mesh.json")}
    with Function(BINARIES / "trueup", region=EAST, env=env) as function:
        result = function.invoke({"trueup": True}, deadline_s=30)
    assert result.ok, result
    assert result.value["mesh"] == world.mesh


def as_json(world: World) -> dict[str, Any]:
    members = [
        {"region": one.region, "auto_scaling_groups": [one.group], "security_groups": [one.security_group]}
        for one in world.members.values()
    ]
    return {"name": world.mesh, "allow": [{"protocol": "tcp", "ports": "7000-7001"}], "member": members}


def test_the_environment_has_to_say_where_the_document_is(world: World, tmp_path: Path) -> None:
    """Neither, both, or a file that is not there: named, each by its variable."""
    rig, document = world.rig, world.mesh_toml()
    neither = start_failure(rig)
    assert "SGSYNC_MESH" in neither and "SGSYNC_MESH_FILE" in neither
    assert "both" in start_failure(rig, SGSYNC_MESH=document, SGSYNC_MESH_FILE=str(tmp_path / "mesh.toml"))
    missing = str(tmp_path / "nowhere.toml")
    assert missing in start_failure(rig, SGSYNC_MESH_FILE=missing)


def test_a_region_without_a_member_says_which_regions_have_one(world: World) -> None:
    """The same document is deployed everywhere; here once too often."""
    said = start_failure(world.rig, region="eu-west-1", SGSYNC_MESH=world.mesh_toml())
    for expected in (world.mesh, "eu-west-1", EAST, WEST):
        assert expected in said
