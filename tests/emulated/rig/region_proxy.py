"""An HTTP proxy in front of both emulators that knows the caller, region, service and action of every call.

One listener per caller (a region's functions, or one binary of a test), all in one thread. EC2, Auto Scaling, STS and
Service Quotas go to moto, everything else to ministack. It counts calls, and faults cut regions off, lose replies or slow calls down.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections import Counter
from concurrent.futures import Future
from typing import Any
from urllib.parse import urlsplit

from .faults import Call, Fault, Mode, Request, error_response
from .recorder import Recorder
from .signature import scope_of

_MOTO_SERVICES = {"ec2", "autoscaling", "sts", "servicequotas"}
_ACTION = re.compile(rb"(?:^|&)Action=([A-Za-z]+)")
#: Lambda names no action; the path says what is asked.
_CONFIGURATION = re.compile(rb"GET /2015-03-31/functions/[^/ ]+/configuration ")
#: Headers that are about one connection, not about the message.
_HOP_BY_HOP = {b"connection", b"keep-alive", b"proxy-connection", b"expect"}


class RegionProxy:
    """The proxy and its control, callable from any thread."""

    def __init__(self) -> None:
        #: What IAM would be asked for the functions' calls.
        self.recorder = Recorder()
        self._upstreams: dict[str, tuple[str, int]] = {}
        self._counts: Counter[tuple[str, str, str, str]] = Counter()
        self._faults: list[Fault] = []
        self._tapes: dict[str, list[Request]] = {}
        self._servers: dict[str, asyncio.Server] = {}
        self._urls: dict[str, str] = {}
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="region-proxy", daemon=True)

    def start(self) -> None:
        """Starts the thread; listeners come with `url`."""
        self._thread.start()

    def stop(self) -> None:
        """Closes every listener and connection."""
        if not self._thread.is_alive():
            return
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def forward_to(self, moto: str, ministack: str) -> None:
        """Where calls go; may be changed while running."""
        for name, url in (("moto", moto), ("ministack", ministack)):
            parts = urlsplit(url)
            self._upstreams[name] = (parts.hostname or "127.0.0.1", parts.port or 80)

    def url(self, caller: str) -> str:
        """The endpoint for this caller; its listener opens at the first request for it."""
        if caller not in self._urls:
            port = self._run(self._listen(caller))
            self._urls[caller] = f"http://127.0.0.1:{port}"
        return self._urls[caller]

    # -- faults -----------------------------------------------------------------------------------------------------

    def add(self, fault: Fault) -> Fault:
        """Puts a fault in force; the first one that matches a call applies to it."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def cut(self, region: str, mode: Mode = "swallow", caller: str | None = None) -> Fault:
        """Cuts a region off, for one caller or for all."""
        return self.add(Fault(mode, region=region, caller=caller))

    def latency(self, region: str, seconds: float, caller: str | None = None) -> Fault:
        """Adds a delay to every call to a region."""
        return self.add(Fault("delay", region=region, caller=caller, delay_s=seconds))

    def heal(self, fault: Fault | None = None) -> None:
        """Ends one fault, or all; connections that were left hanging are closed."""
        with self._lock:
            ended = [known for known in self._faults if fault in (None, known)]
            self._faults = [known for known in self._faults if known not in ended]
        for known in ended:
            known.end()

    # -- counts -----------------------------------------------------------------------------------------------------

    def calls(self, caller: str | None = None, region: str | None = None) -> dict[str, int]:
        """Calls so far by `service:action`, those that a fault hit included."""
        counts: dict[str, int] = {}
        with self._lock:
            for (called_by, called, service, action), count in self._counts.items():
                if caller in (None, called_by) and region in (None, called):
                    name = f"{service}:{action}"
                    counts[name] = counts.get(name, 0) + count
        return counts

    def reset_counts(self) -> None:
        """Starts counting anew."""
        with self._lock:
            self._counts.clear()

    def tape(self, caller: str) -> list[Request]:
        """Every request of this caller from now on, as they arrive, those that a fault hits included; until the next
        tape of this caller."""
        with self._lock:
            self._tapes[caller] = []
            return self._tapes[caller]

    # -- the event loop's side --------------------------------------------------------------------------------------

    def _run(self, coroutine: Any) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        return future.result(timeout=10)

    async def _listen(self, caller: str) -> int:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._converse(caller, reader, writer)

        server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=2**20)
        self._servers[caller] = server
        return int(server.sockets[0].getsockname()[1])

    async def _close(self) -> None:
        for server in self._servers.values():
            server.close()
        mine = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not mine]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _converse(self, caller: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._exchange(caller, reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError, asyncio.CancelledError):
            pass  # the client left, was cut off, or the proxy stops
        finally:
            writer.close()

    async def _exchange(self, caller: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; False ends the connection."""
        head = await reader.readuntil(b"\r\n\r\n")
        headers = _headers(head)
        if headers.get(b"expect"):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await _read_body(reader, headers)
        call = self._note(caller, head, headers, body)
        fault = self._matching(call)
        if fault is None:
            answer: bytes | None = await self._forward(call, head, headers, body)
        else:
            answer = await self._suffer(fault, call, (head, headers, body), reader, writer)
        if answer is None:
            return False
        writer.write(answer)
        await writer.drain()
        return True

    async def _suffer(
        self, fault: Fault, call: Call, request: tuple[bytes, dict[bytes, bytes], bytes], reader: Any, writer: Any
    ) -> bytes | None:
        if fault.mode in ("lose-reply", "reset-reply"):
            await self._forward(call, *request)
        fault.strike()
        if fault.mode in ("refuse", "reset-reply"):
            writer.transport.abort()
            return None
        if fault.mode == "error":
            return error_response(call, fault)
        if fault.mode == "delay":
            await asyncio.sleep(fault.delay_s)
            return await self._forward(call, *request)
        await fault.hang(reader)
        return None

    def _note(self, caller: str, head: bytes, headers: dict[bytes, bytes], body: bytes) -> Call:
        scope = scope_of(headers.get(b"authorization", b"").decode("latin-1"))
        target = headers.get(b"x-amz-target", b"").decode("latin-1").rsplit(".", 1)[-1]
        form = _ACTION.search(body)
        asked = "GetFunctionConfiguration" if _CONFIGURATION.match(head) else "?"
        action = target or (form.group(1).decode() if form else asked)
        call = Call(caller, scope.region, scope.service, action)
        with self._lock:
            self._counts[(call.caller, call.region, call.service, call.action)] += 1
            if (tape := self._tapes.get(caller)) is not None:
                tape.append(Request(call, body))
        self.recorder.note(call, headers.get(b"x-amz-security-token", b"").decode("latin-1"), body)
        return call

    def _matching(self, call: Call) -> Fault | None:
        with self._lock:
            return next((fault for fault in self._faults if fault.takes(call)), None)

    async def _forward(self, call: Call, head: bytes, headers: dict[bytes, bytes], body: bytes) -> bytes:
        """One upstream connection per call: the emulators are local, and a kept one may be closed under us."""
        upstream = self._upstreams["moto" if call.service in _MOTO_SERVICES else "ministack"]
        try:
            reader, writer = await asyncio.open_connection(*upstream, limit=2**20)
        except OSError:
            return b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
        try:
            writer.write(_message(head, body, b"close"))
            answer = await reader.readuntil(b"\r\n\r\n")
            return _message(answer, await _read_body(reader, _headers(answer), until_end=True), b"keep-alive")
        finally:
            writer.close()


def _headers(head: bytes) -> dict[bytes, bytes]:
    lines = head.split(b"\r\n")[1:]
    pairs = (line.split(b":", 1) for line in lines if b":" in line)
    return {name.strip().lower(): value.strip() for name, value in pairs}


def _message(head: bytes, body: bytes, connection: bytes) -> bytes:
    """The message with a plain body of known length."""
    lines = head.rstrip(b"\r\n").split(b"\r\n")
    dropped = _HOP_BY_HOP | {b"content-length", b"transfer-encoding"}
    kept = [line for line in lines[1:] if line.split(b":", 1)[0].strip().lower() not in dropped]
    kept += [b"Content-Length: %d" % len(body), b"Connection: " + connection]
    return b"\r\n".join([lines[0].replace(b"HTTP/1.0", b"HTTP/1.1"), *kept]) + b"\r\n\r\n" + body


async def _read_body(reader: asyncio.StreamReader, headers: dict[bytes, bytes], until_end: bool = False) -> bytes:
    if b"chunked" in headers.get(b"transfer-encoding", b"").lower():
        body = b""
        while size := int((await reader.readline()).split(b";")[0], 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
        return body
    if b"content-length" in headers:
        return await reader.readexactly(int(headers[b"content-length"]))
    return await reader.read() if until_end else b""
