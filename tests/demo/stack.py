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


def deploy(
    rig: Rig, world: World, work_dir: Path, regions: Iterable[str] | None = None, settings: Iterable[str] = ()
) -> dict[str, str]:
    """Renders the world's mesh and deploys members (all of them unless named) side by side, as the deploy guide says; then
    puts the hooks that the stacks made on the groups they are for. `settings` are for `sgsync render --set`; the file keeps
    them. Returns what `sam deploy` said in each region."""
    regions = list(regions or world.members)
    lay_out(work_dir)
    (work_dir / "mesh.toml").write_text(world.mesh_toml())
    render(work_dir, "Architecture=x86_64", *settings)
    with ThreadPoolExecutor() as pool:
        said = list(pool.map(lambda name: sam_deploy(rig, work_dir, name, world.members[name].region), regions))
    for region in regions:
        world.copy_hooks(region)
    return dict(zip(regions, said, strict=True))


def remove(rig: Rig, world: World) -> None:
    """Removes every region's stack, so that it answers no events of whatever comes after this world."""
    for member in world.members.values():
        rig.client("cloudformation", member.region).delete_stack(StackName=member.stack(world.mesh))
    before = None
    while before != (calls := rig.proxy.calls()):  # runs that were on their way
        before = calls
        time.sleep(1)


def lay_out(work_dir: Path) -> None:
    """The template as it is, and the binaries where it expects `make package` to have put them."""
    if (work_dir / "sam").exists():
        return
    (work_dir / "sam").mkdir()
    shutil.copy(ROOT / "sam" / "template.yaml", work_dir / "sam")
    for name in _FUNCTIONS:
        folder = work_dir / "target" / "lambda" / name
        folder.mkdir(parents=True)
        # Stripped: what is zipped and uploaded four times is then a third of the size.
        subprocess.run(["strip", "-o", folder / "bootstrap", _BINARIES / name], check=True)


def render(work_dir: Path, *settings: str) -> None:
    """`sgsync render` in a folder with a `mesh.toml`."""
    given = [word for setting in settings for word in ("--set", setting)]
    _run([str(_BINARIES / "sgsync"), "render", "--account", ACCOUNT, *given], work_dir, {})


def sam_deploy(rig: Rig, work_dir: Path, name: str, region: str | None = None) -> str:
    """`sam deploy` of one environment of the rendered file, called by its region if no other is given; what it said."""
    home = work_dir / "home" / name
    home.mkdir(parents=True, exist_ok=True)
    env = rig.deploy_env(region or name) | {
        "PATH": f"{_TOOLS}:{os.environ.get('PATH', os.defpath)}",
        "HOME": str(home),
        "SAM_CLI_POLL_DELAY": "0.5",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    # The file says where; the environment must not.
    del env["AWS_REGION"], env["AWS_DEFAULT_REGION"]
    return _run([str(_TOOLS / "sam"), "deploy", "--config-env", name, "--no-progressbar"], work_dir, env)


def _run(command: list[str], work_dir: Path, env: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=work_dir, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout + done.stderr
