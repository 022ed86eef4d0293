"""`sgsync render`: what it writes is what the real `sam deploy` reads, and the stack's parameters are what it says."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import readme
from demo import stack
from product import EAST, WEST, Product
from rig import ACCOUNT, World

_TEMPLATE = Path(__file__).resolve().parents[2] / "sam" / "template.yaml"
#: Comments and quotes have to arrive as they are.
_EXTRA = "# it's \"quoted\", and as long as a document may be: ~5 < 7 & $HOME\n[guard]\nmax_removals = 7"


@pytest.fixture
def folder(world: World, tmp_path: Path) -> Iterator[Path]:
    """A checkout as `sam deploy` needs it, with binaries that nobody runs."""
    (tmp_path / "sam").mkdir()
    (tmp_path / "sam" / "template.yaml").write_text(_TEMPLATE.read_text())
    for name in ("lifecycle", "trueup"):
        code = tmp_path / "target" / "lambda" / name
        code.mkdir(parents=True)
        (code / "bootstrap").write_text("#!/bin/sh\nexit 1\n")
    yield tmp_path
    for region in world.members:
        world.rig.client("cloudformation", region).delete_stack(StackName=f"sgsync-{world.mesh}")


@pytest.fixture
def world(rig: Any) -> World:
    """The stack makes the table and the hooks."""
    rig.moto.reset()
    return World(rig, mesh="rendered", hooks=False, tables=False)


def render(world: World, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Renders the world's mesh in the folder."""
    with Product(world, world.mesh_toml(_EXTRA)) as product:
        return product.sgsync("render", *arguments, folder=folder)


def parameters(world: World, region: str) -> dict[str, str]:
    """The parameters that the stack got."""
    (stack,) = world.rig.client("cloudformation", region).describe_stacks(StackName=f"sgsync-{world.mesh}")["Stacks"]
    return {one["ParameterKey"]: one["ParameterValue"] for one in stack["Parameters"]}


def test_sam_deploys_each_region_from_the_rendered_file_alone(world: World, folder: Path) -> None:
    """Every parameter arrives, the document to the letter; a second deploy changes nothing."""
    done = render(world, folder, "--account", ACCOUNT, "--set", "Architecture=x86_64")
    assert done.returncode == 0, done.stderr
    assert f"sam deploy --config-env {WEST}" in done.stdout
    for region in (WEST, EAST):
        stack.sam_deploy(world.rig, folder, region)
        given = parameters(world, region)
        member = world.members[region]
        assert given["Mesh"] == world.mesh_toml(_EXTRA)
        assert given["Regions"] == f"{EAST},{WEST}"
        assert given["Member"] == region
        assert given["AutoScalingGroups"] == member.group
        arn = f"arn:aws:autoscaling:{region}:{ACCOUNT}:autoScalingGroup:*:autoScalingGroupName/{member.group}"
        assert given["AutoScalingGroupArns"] == arn
        assert given["SecurityGroups"] == member.security_group
        assert given["SecurityGroupArns"] == ",".join(
            f"arn:aws:ec2:{m.region}:{ACCOUNT}:security-group/{m.security_group}" for m in world.members.values()
        )
        assert given["TableArns"] == ",".join(
            f"arn:aws:dynamodb:{place}:{ACCOUNT}:table/{world.table}" for place in world.members
        )
        assert given["Architecture"] == "x86_64"
    assert "No changes to deploy" in stack.sam_deploy(world.rig, folder, WEST)


def test_rendering_again_is_the_same_and_an_edited_file_is_left_alone(world: World, folder: Path) -> None:
    """Deterministic; what a person wrote goes only with --force."""
    assert render(world, folder, "--account", ACCOUNT).returncode == 0
    file = folder / "samconfig.toml"
    first = file.read_text()
    again = render(world, folder, "--account", ACCOUNT, "--output", "json")
    said = json.loads(again.stdout)
    sizes = {"RulesPolicy", "RowsPolicy", "LifecycleRole", "HookRule", "MembershipRule", "TamperRule"}
    assert {size["resource"] for size in said.pop("sizes")} == sizes
    nothing: dict[str, Any] = {"written": False, "kept": [], "changed": []}
    assert said == {"file": "samconfig.toml", "environments": [EAST, WEST]} | nothing
    assert render(world, folder, "--account", ACCOUNT, "--output-file", "-").stdout == first

    file.write_text(first.replace("rate(5 minutes)", "rate(1 minute)"))
    refused = render(world, folder, "--account", ACCOUNT)
    assert refused.returncode == 1 and "--force" in refused.stderr
    assert "rate(1 minute)" in file.read_text()
    assert render(world, folder, "--account", ACCOUNT, "--force").returncode == 0
    assert file.read_text() == first


def test_without_an_account_nothing_is_written(world: World, folder: Path) -> None:
    """The error says what to do; AWS is not asked."""
    world.rig.proxy.reset_counts()
    refused = render(world, folder)
    assert refused.returncode == 1
    assert "member[0].account" in refused.stderr and "sgsync render --account" in refused.stderr
    assert not (folder / "samconfig.toml").exists()
    assert world.rig.proxy.calls() == {}


def test_what_was_set_lasts_and_the_guide_shows_what_is_printed(world: World, folder: Path) -> None:
    """Rendering again without a setting must not take the alarms away, nor put other processors under the binaries."""
    first = render(world, folder, "--account", ACCOUNT, "--set", "AlarmEmail=oncall@example.com")
    assert readme.missing("sgsync render", first.stdout, readme.GUIDE) == []
    again = render(world, folder, "--account", ACCOUNT, "--set", "Architecture=x86_64")
    assert "  kept: AlarmEmail=oncall@example.com\n  changed: Architecture=x86_64, was arm64\n" in again.stdout
    assert (folder / "samconfig.toml").read_text().count('AlarmEmail = "oncall@example.com"') == 2
    with Product(world, world.mesh_toml("[guard]\nmax_removals = 8")) as product:
        third = product.sgsync("render", "--account", ACCOUNT, folder=folder)
    assert readme.missing("sgsync render, again", third.stdout, readme.GUIDE) == []


def test_what_is_not_ascii_is_refused(world: World, folder: Path) -> None:
    """CloudFormation would give it back as question marks."""
    with Product(world, world.mesh_toml("# größer")) as product:
        refused = product.sgsync("render", "--account", ACCOUNT, folder=folder)
    assert refused.returncode == 1 and "`ö`" in refused.stderr
    assert not (folder / "samconfig.toml").exists()
