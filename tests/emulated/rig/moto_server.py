"""The moto process: EC2, Auto Scaling, STS and Service Quotas with lifecycle hooks, one request at a time, and a control endpoint.

moto is not thread-safe, and its server is threaded: without the lock two concurrent Authorize calls lose a rule.
"""

from __future__ import annotations

import io
import json
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from . import accounts, lifecycle_hooks, moto_fixes, moto_speed
from .children import end_with_parent, report_ready
from .events import Journal
from .lifecycle import Lifecycle
from .moto_control import Control
from .signature import scope_of

_TICK_S = 0.1
_JSON = [("Content-Type", "application/json")]


class OneAtATime:
    """WSGI middleware: control requests to the control, everything else counted and under the lock to moto."""

    def __init__(self, moto: Any, control: Control, lock: threading.RLock) -> None:
        self._moto = moto
        self._control = control
        self._lock = lock

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        path = environ["PATH_INFO"]
        with self._lock:
            if path.startswith("/_rig/"):
                return self._answer(environ, body, start_response)
            scope = scope_of(environ.get("HTTP_AUTHORIZATION"))
            accounts.tell(environ, scope.access_key)
            self._control.count(scope.region, scope.service, _action(body))
            return [b"".join(self._moto(environ, start_response))]

    def _answer(self, environ: dict[str, Any], body: bytes, start_response: Callable[..., Any]) -> Iterable[bytes]:
        arguments = {key: values[0] for key, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
        arguments |= json.loads(body) if body else {}
        name = environ["PATH_INFO"].removeprefix("/_rig/")
        try:
            status, answer = "200 OK", self._control.call(name, arguments)
        except (LookupError, TypeError, ValueError) as error:
            status, answer = "400 Bad Request", {"error": f"{type(error).__name__}: {error}"}
        start_response(status, _JSON)
        return [json.dumps(answer).encode()]


def _action(body: bytes) -> str:
    form = parse_qs(body.decode("utf-8", errors="replace"))
    return form.get("Action", ["?"])[0]


def _tick_forever(lifecycle: Lifecycle, lock: threading.RLock) -> None:
    while True:
        time.sleep(_TICK_S)
        with lock:
            lifecycle.tick()


def _serve(control: Control, lock: threading.RLock) -> int:
    """Starts moto's server on a free port of 127.0.0.1 and returns the port."""
    from moto.moto_server import threaded_moto_server as threaded

    application = threaded.DomainDispatcherApplication

    class Wrapped(OneAtATime):
        def __init__(self, create_app: Any) -> None:
            super().__init__(application(create_app), control, lock)

    threaded.DomainDispatcherApplication = Wrapped
    server = threaded.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    return int(server.get_host_and_port()[1])


def main() -> None:
    """Runs until the parent ends."""
    end_with_parent()
    lock, journal = threading.RLock(), Journal()
    lifecycle = Lifecycle(journal)
    lifecycle_hooks.install(lifecycle)
    moto_fixes.install(journal)
    moto_speed.install()
    accounts.install()
    port = _serve(Control(lifecycle, journal), lock)
    threading.Thread(target=_tick_forever, args=(lifecycle, lock), name="ticker", daemon=True).start()
    report_ready(port=port, pid=os.getpid())
    threading.Event().wait()


if __name__ == "__main__":
    main()
