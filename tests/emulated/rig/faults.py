"""Faults of the network and of AWS that the region proxy can put on calls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

#: swallow: the call never arrives and nothing answers; refuse: the connection is reset; error: an AWS error comes back;
#: lose-reply: the call takes effect and nothing answers; reset-reply: it takes effect and the connection is reset;
#: delay: the call takes effect later.
Mode = Literal["swallow", "refuse", "error", "lose-reply", "reset-reply", "delay"]


class Call(NamedTuple):
    """What the proxy knows of a call."""

    caller: str
    region: str
    service: str
    action: str


class Request(NamedTuple):
    """A call and what it asked for."""

    call: Call
    body: bytes


@dataclass(eq=False)
class Fault:
    """What goes wrong, and for which calls: whatever is None matches everything."""

    mode: Mode
    region: str | None = None
    caller: str | None = None
    service: str | None = None
    action: str | None = None
    #: How many calls it hits before it is spent; None: until healed.
    times: int | None = None
    #: How many calls that match go through before it begins.
    skip: int = 0
    delay_s: float = 0.0
    #: For mode `error`. EC2 throttles with RequestLimitExceeded, Auto Scaling with Throttling.
    error_code: str = "ServiceUnavailable"
    status: int = 503
    #: What happens at the very moment, in the proxy's thread: when the call has arrived or, where the fault lets it
    #: take effect, when it has; before anything of it goes back. So a test kills the caller between two calls.
    then: Callable[[], None] | None = None
    #: How many calls it hit.
    hits: int = 0
    _passed: int = 0
    _ended: list[asyncio.Future[None]] = field(default_factory=list)

    def takes(self, call: Call) -> bool:
        """Whether it applies to this call; counts it if so."""
        wanted = (self.caller, self.region, self.service, self.action)
        if any(want not in (None, have) for want, have in zip(wanted, call, strict=True)):
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        if self._passed < self.skip:
            self._passed += 1
            return False
        self.hits += 1
        return True

    def strike(self) -> None:
        """Does what the test wants done at this moment."""
        if self.then:
            self.then()

    async def hang(self, reader: asyncio.StreamReader) -> None:
        """Waits until the client gives up or the fault is healed."""
        healed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ended.append(healed)
        gone = asyncio.ensure_future(reader.read())
        waited: set[asyncio.Future[Any]] = {healed, gone}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()

    def end(self) -> None:
        """Lets go of every call that hangs; callable from any thread."""
        for healed in self._ended:
            healed.get_loop().call_soon_threadsafe(_settle, healed)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def error_response(call: Call, fault: Fault) -> bytes:
    """The error in the form of the service's protocol."""
    code, message = fault.error_code, f"{fault.error_code} (made by the rig)"
    if call.service == "ec2":
        error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        body = f"<Response><Errors>{error}</Errors><RequestID>rig</RequestID></Response>"
        kind = "text/xml"
    elif call.service in ("autoscaling", "sts"):
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        body = f"<ErrorResponse>{error}<RequestId>rig</RequestId></ErrorResponse>"
        kind = "text/xml"
    else:
        body = json.dumps({"__type": f"com.amazonaws#{code}", "message": message})
        kind = "application/x-amz-json-1.0"
    ids = "x-amzn-RequestId: rig\r\n"
    head = f"HTTP/1.1 {fault.status} Error\r\nContent-Type: {kind}\r\n{ids}Content-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()
