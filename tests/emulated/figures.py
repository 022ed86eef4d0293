"""Figures for closing notes: `PYTHONPATH=tests/emulated .venv/bin/python tests/emulated/figures.py`.

Calls and time of one launch with 0, 9 and 50 instances in service; the size and memory of the binaries. Times are those
of this machine and its emulators, which take one call at a time, and longer the more there is; both regions are near.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from product import BINARIES, EAST, Product
from rig import Rig, World

WARM = 5


def launch(world: World, product: Product) -> tuple[int, float]:
    """One launch: calls, and milliseconds from the invocation to its answer."""
    events = product.launch(EAST, 1)
    world.rig.proxy.reset_counts()
    delivery = product.receive(events)
    if delivery.failed or not world.complete():
        raise RuntimeError(f"the launch failed: {delivery.result.logs}")
    return sum(world.rig.proxy.calls().values()), delivery.result.duration_s * 1000


def launches(rig: Rig) -> Iterator[str]:
    """A line for each size."""
    for already in (0, 9, 50):
        rig.moto.reset()
        world = World(rig, mesh=f"figures-{already}")
        with Product(world) as product:
            world.seed(EAST, already)
            product.synced()
            calls, cold = launch(world, product)
            warm = [launch(world, product) for _ in range(WARM)]
        same = {calls} | {count for count, _ in warm}
        shown = "/".join(str(count) for count in sorted(same))
        yield f"{already:>10} {shown:>6} {cold:>9.0f} {median(ms for _, ms in warm):>9.0f}"


def memory(pid: int, key: str) -> float:
    """MiB from the kernel's account of a process, e.g. VmHWM: the most it ever had resident."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f"{key}:")]
    return int(line.split()[1]) / 1024


def binaries(rig: Rig) -> Iterator[str]:
    """A line for each binary. Memory at start: after an event that is dropped; the most: after a true-up."""
    rig.moto.reset()
    world = World(rig, mesh="figures-memory")
    with Product(world) as product:
        for name in ("lifecycle", "trueup"):
            function = product.function(name, EAST)
            note = {"Event": "autoscaling:TEST_NOTIFICATION", "AutoScalingGroupName": world.members[EAST].group}
            function.invoke(note)
            start = memory(function.pid or 0, "VmHWM")
            product.invoke({"trueup": True}, EAST, name)
            yield f"{name:>10} {size(name):>8.1f} {start:>10.1f} {memory(function.pid or 0, 'VmHWM'):>10.1f}"
    if (BINARIES / "sgsync").exists():
        yield f"{'sgsync':>10} {size('sgsync'):>8.1f}"


def size(name: str) -> float:
    """MiB on disk."""
    return (BINARIES / name).stat().st_size / 2**20


def main() -> None:
    """Prints both tables."""
    with Rig() as rig:
        print(f"{'in service':>10} {'calls':>6} {'cold, ms':>9} {'warm, ms':>9}   (warm: median of {WARM})")
        for line in launches(rig):
            print(line, flush=True)
        print(f"\n{'binary':>10} {'MiB':>8} {'start, MiB':>10} {'run, MiB':>10}")
        for line in binaries(rig):
            print(line, flush=True)


if __name__ == "__main__":
    main()
