"""Meshes side by side in one rig: cases are played on whichever is free."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from types import TracebackType

from rig import Rig

from .cases import Case, Kind, Trouble
from .mesh import Mesh
from .play import play
from .spots import Scenario

#: How many cases are played at once; and how many of those in which most of the time nothing runs.
BUSY, WAITING = 4, 8
_numbers = count(1)


class Arena:
    """Plays cases; each outcome is to be asked for by its case."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._free: list[Mesh] = []
        self._lock = threading.Lock()
        self._pools = {False: ThreadPoolExecutor(BUSY), True: ThreadPoolExecutor(WAITING)}
        self._outcomes: dict[Case, Future[None]] = {}

    def __enter__(self) -> Arena:
        self._rig.moto.reset()
        self._rig.moto.deliver_events_to(None)  # messages are handed out by the cases themselves
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for pool in self._pools.values():
            pool.shutdown(cancel_futures=True)
        for mesh in self._free:
            mesh.stop()
        self._rig.moto.deliver_events_to(self._rig.ministack.url)

    def begin(self, cases: Iterable[Case]) -> None:
        """Plays these cases in the background: launches and terminations in turn, so that groups stay as large as they
        are."""
        for case in sorted(cases, key=lambda case: (str(case).removeprefix(case.scenario), case.scenario)):
            self._outcomes[case] = self._pools[_waits(case)].submit(self._play, case)

    def outcome(self, case: Case) -> None:
        """Waits for a case to be over; raises what went wrong."""
        self._outcomes[case].result()

    def _play(self, case: Case) -> None:
        mesh = self._take(case.scenario)
        try:
            play(case, mesh)
        except BaseException:
            mesh.stop()  # whatever state it is in, no other case is to begin there
            raise
        with self._lock:
            self._free.append(mesh)

    def _take(self, scenario: Scenario) -> Mesh:
        """The free mesh that suits best, or a new one."""
        with self._lock:
            if self._free:
                by_size = sorted(self._free, key=Mesh.size)
                mesh = by_size[-1 if scenario is Scenario.TERMINATE else 0]
                self._free.remove(mesh)
                return mesh
        return Mesh(self._rig, f"matrix-{next(_numbers)}")


def _waits(case: Case) -> bool:
    """Whether it waits for timeouts, or for the pauses between the SDK's attempts."""
    if not isinstance(case, Trouble):
        return False
    return case.kind is Kind.TIMEOUT or (case.for_the_run and case.kind is not Kind.DENIED)
