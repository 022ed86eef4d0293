"""Many hooks at once, in many processes: everything ends complete, with nothing stale, and every hook answered."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue

import pytest

from product import EAST, RECEIVES, WEST, Event, Product, addresses, foreign, ids, too_early
from rig import Fault, World, wait_until
from rig.faults import Mode

PROCESSES = 10

#: So many processes on a small machine are slow, and no peer is to count as unreachable for that.
PATIENT = "[limits]\npeer_budget_ms = 12000"


@pytest.fixture
def product(world: World) -> Iterator[Product]:
    """The binaries, with time for each other's regions."""
    with Product(world, world.mesh_toml(PATIENT)) as installed:
        yield installed


def storm(product: Product, events: dict[str, list[Event]]) -> dict[str, str]:
    """Hands every region's events out to its share of the processes, one message at a time and all at once; what comes
    back is handed out again when the wave is over, as SQS does after the visibility timeout. Returns each hook's last
    result."""
    results: dict[str, str] = {}
    for _ in range(RECEIVES):
        share = PROCESSES // len(events)
        queues = {region: _queue(waiting) for region, waiting in events.items()}
        failed: dict[str, list[Event]] = {region: [] for region in events}

        def work(region: str, number: int) -> None:
            while True:
                try:
                    event = queues[region].get_nowait()  # noqa: B023  (used up before the next wave)
                except Empty:
                    return
                delivery = product.receive([event], region, number)
                results.update(delivery.hooks)
                failed[region] += delivery.failed  # noqa: B023

        with ThreadPoolExecutor(PROCESSES) as pool:
            for done in [pool.submit(work, region, number) for region in events for number in range(share)]:
                done.result()
        if not any(failed.values()):
            return results
        events = failed
    raise AssertionError(f"dead letters: {events}")


def _queue(events: list[Event]) -> SimpleQueue[Event]:
    queue: SimpleQueue[Event] = SimpleQueue()
    for event in events:
        queue.put(event)
    return queue


def mirrors_agree(world: World) -> bool:
    """Whether both mirrors hold the same instances for every group, and those that are there."""
    listed = {
        region: {instance: {"L": [{"S": f"{ip}/32"}]} for instance, ip in addresses(world, region).items()}
        for region in world.members
    }
    return all(
        {row["member"]["S"]: row["instances"]["M"] for row in world.rows(region)} == listed for region in world.members
    )


def left_over(results: dict[str, str], events: list[Event]) -> dict[str, str]:
    """The hooks that were neither answered CONTINUE nor found answered."""
    each = dict.fromkeys(ids(events), "not reported") | results
    return {instance: result for instance, result in each.items() if result not in ("CONTINUE", "GONE")}


def test_25_concurrent_launches_in_10_processes_end_complete(world: World, product: Product) -> None:
    """Promises 3 and 5: runs overlap and conflict; every instance is in both groups before it continues."""
    product.synced()
    before = foreign(world)
    events = product.launch(EAST, 25)
    results = storm(product, {EAST: list(events)})
    assert left_over(results, events) == {}
    assert too_early(world) == []
    assert len(world.instances(EAST, "InService")) == 25
    assert world.complete()
    assert mirrors_agree(world)
    assert foreign(world) == before


def test_12_concurrent_terminations_leave_nothing_stale(world: World, product: Product) -> None:
    """Promise 3: each address is in neither group before its instance goes on."""
    seeded = world.seed(EAST, 15)
    product.synced()
    before = foreign(world)
    events = product.terminate(EAST, seeded[:12])
    results = storm(product, {EAST: list(events)})
    assert left_over(results, events) == {}
    assert too_early(world) == []
    assert sorted(addresses(world, EAST)) == sorted(seeded[12:])
    assert world.complete()
    assert mirrors_agree(world)
    assert foreign(world) == before


def test_launches_and_terminations_in_both_regions_at_once(world: World, product: Product) -> None:
    """The same with two members that write to each other's groups and mirrors meanwhile."""
    seeded = {region: world.seed(region, 8) for region in (EAST, WEST)}
    product.synced()
    before = foreign(world)
    events = {
        EAST: product.terminate(EAST, seeded[EAST][:4]) + product.launch(EAST, 6),
        WEST: product.launch(WEST, 4) + product.terminate(WEST, seeded[WEST][:6]),
    }
    results = storm(product, dict(events))
    assert left_over(results, events[EAST] + events[WEST]) == {}
    assert too_early(world) == []
    assert [len(world.instances(region)) for region in (EAST, WEST)] == [10, 6]
    assert world.complete()
    assert mirrors_agree(world)
    assert foreign(world) == before


def test_an_address_that_comes_back_in_the_other_region_is_admitted(world: World, product: Product) -> None:
    """AWS hands a released address out again, even to another instance of the cluster."""
    leaving, _ = world.seed(EAST, 2)
    product.synced()
    address = addresses(world, EAST)[leaving]
    storm(product, {EAST: product.terminate(EAST, [leaving])})
    assert world.complete()
    world.rig.moto.next_addresses(address)
    events = product.launch(WEST, 1)
    assert addresses(world, WEST) == {ids(events)[0]: address}
    assert left_over(storm(product, {WEST: list(events)}), events) == {}
    assert too_early(world) == []
    assert world.complete()


@pytest.mark.parametrize("mode", ["swallow", "lose-reply"])
@pytest.mark.parametrize(
    ("region", "action"),
    [
        (EAST, "PutItem"),
        (EAST, "AuthorizeSecurityGroupIngress"),
        (EAST, "CompleteLifecycleAction"),
        (WEST, "PutItem"),
        (WEST, "AuthorizeSecurityGroupIngress"),
    ],
)
def test_a_run_that_is_killed_in_the_middle_is_finished_by_the_next(
    world: World, product: Product, region: str, action: str, mode: Mode
) -> None:
    """Promise 5: killed before or after a call took effect, in either region."""
    world.seed(WEST, 1)
    product.synced()
    events = product.launch(EAST, 1)
    fault = world.rig.proxy.add(Fault(mode, region=region, action=action))
    function = product.function("lifecycle", EAST)
    with ThreadPoolExecutor() as pool:
        run = pool.submit(product.receive, events)
        wait_until("the call", lambda: fault.hits)
        assert function.pid
        os.kill(function.pid, signal.SIGKILL)
        assert not run.result().result.ok
    world.rig.proxy.heal()
    assert product.receive(events).failed == []
    assert too_early(world) == []
    assert world.complete()
    assert len(world.instances(EAST, "InService")) == 1
