"""One launch, or many at once, seen from the wire."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from product import EAST, Event, Product, ids
from rig import World

from .contenders import Contender
from .wire import Traced, Wire, WireRig, home_of

#: How often SQS hands a message out before it is a dead letter, as in the stack.
RECEIVES = 5


@dataclass(frozen=True)
class Measured:
    """What it cost."""

    calls: int
    #: From the event until the last hook was completed; None if one was not.
    answered_s: float | None
    #: Until the last invocation ended.
    ended_s: float
    #: Calls to other regions, one after the other, between the first row in the own mirror and the answer.
    peer_round_trips: int
    #: What the emulators took for the calls until the answer, added up: some of them overlap.
    served_s: float


def wire_of(world: World) -> Wire:
    """The wire under a world."""
    rig = world.rig
    assert isinstance(rig, WireRig)
    return rig.proxy


def launch(world: World, count: int) -> list[Event]:
    """So many instances more, whose launch hooks wait."""
    return Product(world).launch(EAST, count)


def run(contender: Contender, events: Sequence[Event], patience_s: float = 900) -> Measured:
    """Hands the events out in the contender's batches, all at once, a process for each; and again what comes back."""
    world, wire = contender.world, wire_of(contender.world)
    waiting = list(events)
    wire.forget()
    begun = time.monotonic()
    for _ in range(RECEIVES):
        batches = [waiting[start : start + contender.batch] for start in range(0, len(waiting), contender.batch)]
        with ThreadPoolExecutor(len(batches)) as pool:
            done = [pool.submit(contender.take, batch, number, patience_s) for number, batch in enumerate(batches)]
        ended = time.monotonic()
        waiting = [event for one in done for event in one.result()[1]]
        if not waiting or patience_s < 900:
            break
    trace = wire.trace()
    answered = [traced for traced in trace if traced.call.action == "CompleteLifecycleAction"]
    complete = len(answered) >= len(events)
    return Measured(
        calls=sum(wire.calls().values()),
        answered_s=max(traced.ended for traced in answered) - begun if complete else None,
        # The rig waits 50 ms for the log of an invocation; that is not the contender's.
        ended_s=max(one.result()[0].duration_s for one in done) if len(batches) == 1 else ended - begun,
        served_s=sum(t.served_s for t in trace if not answered or t.began <= answered[-1].began),
        peer_round_trips=_peer_round_trips(trace, answered),
    )


def settled(world: World, events: Sequence[Event]) -> None:
    """Raises unless every launch is in service and every region admits exactly who is there."""
    results = Product(world).results()
    unanswered = [instance for instance in ids(events) if results.get(instance) != ["CONTINUE"]]
    wanted = world.expected()
    for region in world.members:
        held = {rule.permission for rule in world.rules(region) if rule.permission[:3] in world.ports}
        if unanswered or held != wanted:
            wrong = sorted(held ^ wanted)
            raise RuntimeError(f"{region}: {unanswered} unanswered; {len(wrong)} rules differ, such as {wrong[:3]}")


def _peer_round_trips(trace: Sequence[Traced], answered: Sequence[Traced]) -> int:
    """The longest chain of calls to other regions, each begun when the one before had ended."""
    own = [t.ended for t in trace if t.call.action == "PutItem" and t.call.region == home_of(t.call.caller)]
    if not own or not answered:
        return 0
    until = min(traced.began for traced in answered)
    links = [t for t in trace if t.call.region != home_of(t.call.caller) and t.began >= min(own) and t.ended <= until]
    chain, end = 0, 0.0
    for link in sorted(links, key=lambda traced: traced.ended):
        if link.began >= end:
            chain, end = chain + 1, link.ended
    return chain
