"""Two members in one region and one elsewhere, each with a stack of its own by the real `sam deploy`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo import stack
from product import EAST, WEST, Product, foreign, too_early
from rig import Rig, World, wait_until

#: The first one keeps its region's name, as where a second one came later.
MEMBERS = {EAST: EAST, "batch": EAST, WEST: WEST}


@pytest.fixture
def deployed(rig: Rig, tmp_path: Path) -> Iterator[World]:
    rig.proxy.heal()
    rig.moto.reset()
    world = World(rig, mesh="side-by-side", regions=())
    for name, region in MEMBERS.items():
        world.add_member(name, region=region)
    stack.deploy(rig, world, tmp_path)
    yield world
    stack.remove(rig, world)


def settle(world: World, name: str, capacity: int) -> None:
    """Scales a member's group and waits until its hooks are answered."""
    world.scale(name, capacity)

    def done() -> bool:
        listed = world.instances(name)
        return len(listed) == capacity and all(one["lifecycle_state"] == "InService" for one in listed)

    wait_until(f"{capacity} in service in {name}", done, timeout_s=30)


def test_two_stacks_in_one_region_do_not_get_in_each_others_way(deployed: World, tmp_path: Path) -> None:
    """Each hook goes to its member's function; each function writes its member's rows; the operator's tool finds all."""
    before = foreign(deployed)
    for name, capacity in ((EAST, 2), ("batch", 2), (WEST, 1), ("batch", 1)):
        settle(deployed, name, capacity)
        assert deployed.complete(), name
    assert too_early(deployed) == [] and foreign(deployed) == before
    for name, member in deployed.members.items():
        function = f"{member.stack(deployed.mesh)}-hooks"
        (row,) = [row for row in deployed.rows(EAST) if row["member"]["S"] == name]
        assert row["writer"]["S"].rsplit("/", 1)[0] in (function, function.replace("-hooks", "-trueup"))
        assert deployed.rig.ministack.function_log(function, member.region), function
    with Product(deployed) as product:
        checked = product.sgsync("check", "--online", folder=tmp_path)
        assert checked.stdout.count("is there, with this document") == 6, checked.stdout
        assert checked.stdout.count("is there, with both hooks") == 3
        status = product.sgsync("status", folder=tmp_path)
        assert status.returncode == 0, status.stdout
        assert "no queue" not in status.stdout and "everything is in sync" in status.stdout
