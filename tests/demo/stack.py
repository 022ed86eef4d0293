"""Deploys the real stack with the real `sam deploy`, the same template and mesh document in every region."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rig import ACCOUNT, Rig, World

ROOT = Path(__file__).resolve().parents[2]
_BINARIES = Path(os.environ.get("SGSYNC_BIN_DIR", ROOT / "target" / "debug"))
_TOOLS = Path(sys.executable).parent
_FUNCTIONS = ("lifecycle", "trueup")


def deploy(rig: Rig, world: World, work_dir: Path) -> None:
    """Deploys every region side by side, then puts the hooks that the stacks made on the groups they are for."""
    _lay_out(work_dir)
    (work_dir / "mesh.yaml").write_text(_mesh_parameters(world))
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda region: _deploy(rig, world, work_dir, region), world.members))
    for region in world.members:
        world.copy_hooks(region)


def _lay_out(work_dir: Path) -> None:
    """The template as it is, and the binaries where it expects `cargo lambda` to have put them."""
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
    arns = [f"arn:aws:ec2:{m.region}:{ACCOUNT}:security-group/{m.security_group}" for m in world.members.values()]
    return (
        f"MeshName: {world.mesh}\nMesh: |\n{document}"
        f"Regions: [{', '.join(world.members)}]\nSecurityGroupArns: [{', '.join(arns)}]\n"
    )


def _deploy(rig: Rig, world: World, work_dir: Path, region: str) -> None:
    group = world.members[region].group
    (work_dir / f"{region}.yaml").write_text(f"$include: file://mesh.yaml\nAutoScalingGroups: [{group}]\n")
    command = [
        *(_TOOLS / "sam", "deploy", "--template-file", "sam/template.yaml", "--language-extensions"),
        *("--stack-name", f"sgsync-{world.mesh}", "--region", region, "--resolve-s3"),
        *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
        *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
        *("--parameter-overrides", f"file://{region}.yaml", "Architecture=x86_64"),
    ]
    home = work_dir / "home" / region
    home.mkdir(parents=True)
    env = rig.deploy_env(region) | {
        "PATH": f"{_TOOLS}:{os.environ.get('PATH', os.defpath)}",
        "HOME": str(home),
        "SAM_CLI_POLL_DELAY": "0.5",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    done = subprocess.run(command, cwd=work_dir, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"sam deploy in {region} failed:\n{done.stdout}\n{done.stderr}")
