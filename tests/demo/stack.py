"""Deploys the real stack with the real `sam deploy`, the same template and mesh document in every region."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rig import ACCOUNT, Rig, World

ROOT = Path(__file__).resolve().parents[2]
_BINARIES = Path(os.environ.get("SGSYNC_BIN_DIR", ROOT / "target" / "debug"))
_TOOLS = Path(sys.executable).parent
_FUNCTIONS = ("lifecycle", "trueup")


def deploy(rig: Rig, world: World, work_dir: Path, regions: Iterable[str] | None = None) -> dict[str, str]:
    """Deploys regions (all of them unless named) side by side, then puts the hooks that the stacks made on the groups
    they are for. Returns what `sam deploy` said in each."""
    regions = list(regions or world.members)
    _lay_out(work_dir)
    (work_dir / "mesh.yaml").write_text(_mesh_parameters(world))
    with ThreadPoolExecutor() as pool:
        said = list(pool.map(lambda region: _deploy(rig, world, work_dir, region), regions))
    for region in regions:
        world.copy_hooks(region)
    return dict(zip(regions, said, strict=True))


def remove(rig: Rig, world: World) -> None:
    """Removes every region's stack, so that it answers no events of whatever comes after this world."""
    for region in world.members:
        rig.client("cloudformation", region).delete_stack(StackName=f"sgsync-{world.mesh}")
    before = None
    while before != (calls := rig.proxy.calls()):  # runs that were on their way
        before = calls
        time.sleep(1)


def _lay_out(work_dir: Path) -> None:
    """The template as it is, and the binaries where it expects `cargo lambda` to have put them."""
    if (work_dir / "sam").exists():
        return
    (work_dir / "sam").mkdir()
    shutil.copy(ROOT / "sam" / "template.yaml", work_dir / "sam")
    for name in _FUNCTIONS:
        folder = work_dir / "target" / "lambda" / name
        folder.mkdir(parents=True)
        # Stripped: what is zipped and uploaded four times is then a third of the size.
        subprocess.run(["strip", "-o", folder / "bootstrap", _BINARIES / name], check=True)


def _mesh_parameters(world: World) -> str:
    """The parameters that are the same everywhere. YAML carries the document's lines unharmed."""
    document = "".join(f"  {line}\n" for line in world.mesh_toml().splitlines())
    groups = [f"arn:aws:ec2:{r}:{ACCOUNT}:security-group/{group}" for r in world.members for group in world.targets(r)]
    tables = [f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/{world.table}" for region in world.members]
    return (
        f"MeshName: {world.mesh}\nMesh: |\n{document}Regions: [{', '.join(world.members)}]\n"
        f"SecurityGroupArns: [{', '.join(groups)}]\nTableArns: [{', '.join(tables)}]\n"
    )


def _deploy(rig: Rig, world: World, work_dir: Path, region: str) -> str:
    (work_dir / f"{region}.yaml").write_text(
        f"$include: file://mesh.yaml\nAutoScalingGroups: [{', '.join(world.groups(region))}]\n"
        f"SecurityGroups: [{', '.join(world.targets(region))}]\n"
    )
    command = [
        *(_TOOLS / "sam", "deploy", "--template-file", "sam/template.yaml", "--language-extensions"),
        *("--stack-name", f"sgsync-{world.mesh}", "--region", region, "--resolve-s3"),
        *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
        *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
        *("--parameter-overrides", f"file://{region}.yaml", "Architecture=x86_64"),
    ]
    home = work_dir / "home" / region
    home.mkdir(parents=True, exist_ok=True)
    env = rig.deploy_env(region) | {
        "PATH": f"{_TOOLS}:{os.environ.get('PATH', os.defpath)}",
        "HOME": str(home),
        "SAM_CLI_POLL_DELAY": "0.5",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    done = subprocess.run(command, cwd=work_dir, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"sam deploy in {region} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout + done.stderr
