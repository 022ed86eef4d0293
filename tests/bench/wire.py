"""A rig whose proxy stands as far away as AWS's regions are: round trips, the cost of connections, a trace of calls.

The emulators have one address for all regions and services, so a real connection says nothing about where it leads.
What a client with a pool would do is modelled instead, for each process and each AWS endpoint (a service in a region):
a call that finds all connections to its endpoint in use opens one more, which costs two round trips (TCP, then TLS
1.3). The same rule holds for everyone who is measured.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig import Rig
from rig.children import Child
from rig.faults import Call
from rig.moto import Moto
from rig.names import ACCOUNT, CREDENTIALS_ENV
from rig.region_proxy import RegionProxy

#: us-east-1 to us-west-2 is 64 ms, within a region 3 to 5 (facts/aws.md, section 7).
LOCAL_S, PEER_S = 0.003, 0.065

#: Round trips before the first request on a new connection: TCP's, and TLS 1.3's.
TO_CONNECT = 2

_TESTS = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Traced:
    """One call that was answered, in seconds of the monotonic clock."""

    call: Call
    began: float
    ended: float
    #: How much of it the emulator took.
    served_s: float
    #: Whether it had to open a connection.
    opened: bool


@dataclass
class _Endpoint:
    """One process's connections to one service in one region."""

    connections: int = 0
    busy: int = 0

    def take(self) -> bool:
        """Takes an idle connection; True if there was none and a new one is opened."""
        self.busy += 1
        opened = self.busy > self.connections
        self.connections = max(self.connections, self.busy)
        return opened


class Wire(RegionProxy):
    """The rig's proxy, at a distance. A caller is `REGION` or `REGION#NUMBER`: one process there."""

    def __init__(self) -> None:
        super().__init__()
        self._distance = (0.0, 0.0)
        self._endpoints: defaultdict[tuple[str, str, str], _Endpoint] = defaultdict(_Endpoint)
        self._trace: list[Traced] = []
        self._trace_lock = threading.Lock()

    def stand(self, local_s: float, peer_s: float) -> None:
        """Puts AWS this many seconds of round trip away, for calls from now on."""
        self._distance = (local_s, peer_s)

    def forget(self) -> None:
        """Starts counts and the trace anew; connections stay."""
        self.reset_counts()
        with self._trace_lock:
            self._trace.clear()

    def hang_up(self) -> None:
        """Forgets every connection: whoever calls next are new processes."""
        self._endpoints.clear()

    def trace(self) -> list[Traced]:
        """The calls that were answered since `forget`, by when they began."""
        with self._trace_lock:
            return sorted(self._trace, key=lambda traced: traced.began)

    async def _forward(self, call: Call, *request: Any) -> bytes:
        local_s, peer_s = self._distance
        round_trip = local_s if call.region == home_of(call.caller) else peer_s
        began = time.monotonic()
        endpoint = self._endpoints[(call.caller, call.region, call.service)]
        opened = endpoint.take()
        try:
            await asyncio.sleep(round_trip * (0.5 + (TO_CONNECT if opened else 0)))
            arrived = time.monotonic()
            answer = await super()._forward(call, *request)
            served_s = time.monotonic() - arrived
            await asyncio.sleep(round_trip * 0.5)
        finally:
            endpoint.busy -= 1
        with self._trace_lock:
            self._trace.append(Traced(call, began, time.monotonic(), served_s, opened))
        return answer


def home_of(caller: str) -> str:
    """The region in which a caller runs."""
    return caller.split("#")[0]


class _RoomyMoto(Moto):
    """moto with the quota of an account whose groups may hold as many rules as an interface can."""

    def __init__(self, work_dir: Path) -> None:
        super().__init__(work_dir)
        options = {"MOTO_ACCOUNT_ID": ACCOUNT, "MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
        paths = {"PYTHONPATH": f"{_TESTS}:{_TESTS / 'emulated'}"}
        self._child = Child("bench.moto_server", work_dir, CREDENTIALS_ENV | options | paths)


class WireRig(Rig):
    """The rig with the wire in place of its proxy."""

    proxy: Wire

    def __init__(self, regions: tuple[str, ...], **options: Any) -> None:
        super().__init__(regions, **options)
        self.proxy = Wire()
        self.moto = _RoomyMoto(self.work_dir)
