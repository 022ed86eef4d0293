"""`sgsync render`: what it writes is what the real `sam deploy` reads, and the stack's parameters are what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from product import EAST, WEST, Product
from rig import ACCOUNT, World

_SAM = Path(sys.executable).parent / "sam"
_TEMPLATE = Path(__file__).resolve().parents[2] / "sam" / "template.yaml"
#: Comments, quotes and umlauts have to arrive as they are.
_EXTRA = "# it's \"quoted\", and as long as a document may be: größer = besser\n[guard]\nmax_removals = 7"


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


def sam_deploy(world: World, folder: Path, region: str, *arguments: str) -> str:
    """Runs the command that the deploy guide tells people to run; what it printed."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    env = world.rig.deploy_env(region) | {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "SAM_CLI_POLL_DELAY": "0.5",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    # The file says where; the environment must not.
    del env["AWS_REGION"], env["AWS_DEFAULT_REGION"]
    command = [str(_SAM), "deploy", "--config-env", region, "--no-progressbar", *arguments]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


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
        sam_deploy(world, folder, region)
        given = parameters(world, region)
        member = world.members[region]
        assert given["Mesh"] == world.mesh_toml(_EXTRA)
        assert given["Regions"] == f"{EAST},{WEST}"
        assert given["Member"] == region
        assert given["AutoScalingGroups"] == member.group
        assert given["SecurityGroups"] == member.security_group
        assert given["SecurityGroupArns"] == ",".join(
            f"arn:aws:ec2:{m.region}:{ACCOUNT}:security-group/{m.security_group}" for m in world.members.values()
        )
        assert given["TableArns"] == ",".join(
            f"arn:aws:dynamodb:{place}:{ACCOUNT}:table/{world.table}" for place in world.members
        )
        assert given["Architecture"] == "x86_64"
    assert "No changes to deploy" in sam_deploy(world, folder, WEST)


def test_rendering_again_is_the_same_and_an_edited_file_is_left_alone(world: World, folder: Path) -> None:
    """Deterministic; what a person wrote goes only with --force."""
    assert render(world, folder, "--account", ACCOUNT).returncode == 0
    file = folder / "samconfig.toml"
    first = file.read_text()
    again = render(world, folder, "--account", ACCOUNT, "--output", "json")
    assert json.loads(again.stdout) == {"file": "samconfig.toml", "written": False, "environments": [EAST, WEST]}
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
