"""The Lambda runtime API, and functions as local processes that are driven through it.

Used by tests that run the product's binaries directly, and by the ministack process in place of its own executor.
"""

from __future__ import annotations

import fcntl
import json
import os
import queue
import select
import subprocess
import termios
import threading
import time
import uuid
from array import array
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any

from .names import ACCOUNT, CREDENTIALS_ENV

_PREFIX = "/2018-06-01/runtime/"


class _Log:
    """What a process writes, line by line; read by a thread of its own, so that the pipe is never full."""

    def __init__(self, pipe: IO[bytes], lines: list[str]) -> None:
        self._pipe, self._lines = pipe, lines
        self._reading = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        rest, data = b"", b"-"
        while data:
            select.select([self._pipe], [], [])
            with self._reading:
                data = os.read(self._pipe.fileno(), 1 << 16)
                *whole, rest = (rest + (data or b"\n" * bool(rest))).split(b"\n")
                self._lines += [line.decode("utf-8", errors="replace") for line in whole]

    def catch_up(self) -> None:
        """Returns when all is read that was written before. A process writes to its log before it answers."""
        while True:
            with self._reading:
                waiting = array("i", [0])
                fcntl.ioctl(self._pipe, termios.FIONREAD, waiting)
                if not waiting[0]:
                    return
            time.sleep(0.001)


@dataclass
class Result:
    """What an invocation came to."""

    value: Any = None
    error: dict[str, Any] | None = None
    logs: list[str] = field(default_factory=list)
    duration_s: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the function answered without an error."""
        return self.error is None


@dataclass
class _Invocation:
    request_id: str
    payload: bytes
    deadline_ms: int
    answered: threading.Event = field(default_factory=threading.Event)
    value: Any = None
    error: dict[str, Any] | None = None

    def answer(self, value: Any = None, error: dict[str, Any] | None = None) -> None:
        if not self.answered.is_set():
            self.value, self.error = value, error
            self.answered.set()


class Function:
    """One execution environment: a binary, its runtime API and one invocation at a time. Several may run side by side.

    The process starts at the first invocation, stays warm, and starts anew after a crash or a timeout, as in Lambda.
    """

    def __init__(
        self,
        binary: str | Path | list[str],
        name: str = "function",
        region: str = "us-east-1",
        env: dict[str, str] | None = None,
        cwd: str | Path | None = None,
        memory_mb: int = 256,
    ) -> None:
        self.name = name
        self.region = region
        account = (env or {}).get("AWS_ACCESS_KEY_ID", ACCOUNT)
        self.arn = f"arn:aws:lambda:{region}:{account}:function:{name}"
        self.logs: list[str] = []
        self._log: _Log | None = None
        self.starts = 0
        self._argv = binary if isinstance(binary, list) else [str(binary)]
        self._cwd = cwd
        path = {"PATH": os.environ.get("PATH", "")}
        self._env = path | CREDENTIALS_ENV | self._lambda_env(memory_mb) | (env or {})
        self._queue: queue.Queue[_Invocation | None] = queue.Queue()
        self._current: _Invocation | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._server = _serve(self)
        self._lock = threading.Lock()

    def invoke(self, event: Any, deadline_s: float = 30.0) -> Result:
        """Runs one event; never raises for what the function does, the result says it."""
        with self._lock:
            invocation = self._new_invocation(event, deadline_s)
            first_line, started = len(self.logs), time.monotonic()
            self._ensure_process()
            self._queue.put(invocation)
            self._wait(invocation, deadline_s)
            duration = time.monotonic() - started
            if self._log:
                self._log.catch_up()
            return Result(invocation.value, invocation.error, self.logs[first_line:], duration)

    def kill(self) -> None:
        """Ends the process without a warning, also in the middle of a run; the next invocation starts another. Callable
        from any thread."""
        if process := self._process:
            process.kill()
            process.wait()

    def stop(self) -> None:
        """Ends the process and the server; an invocation that still runs comes back as an error."""
        self._end_process()
        self._queue.put(None)
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Function:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The running process, so that a test can kill it in the middle of a run."""
        return self._process.pid if self._process else None

    def _lambda_env(self, memory_mb: int) -> dict[str, str]:
        return {
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{self.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": uuid.uuid4().hex,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            # A function has one in Lambda too; here it tells the proxy who calls.
            "AWS_SESSION_TOKEN": self.name,
        }

    def _new_invocation(self, event: Any, deadline_s: float) -> _Invocation:
        payload = event if isinstance(event, bytes) else json.dumps(event).encode()
        return _Invocation(str(uuid.uuid4()), payload, int((time.time() + deadline_s) * 1000))

    def _ensure_process(self) -> None:
        if self._process and self._process.poll() is None:
            return
        self._end_process()
        self._queue = queue.Queue()
        self.starts += 1
        api = f"127.0.0.1:{self._server.server_address[1]}"
        self._process = subprocess.Popen(
            self._argv,
            env=self._env | {"AWS_LAMBDA_RUNTIME_API": api},
            cwd=self._cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self._process.stdout is not None
        self._log = _Log(self._process.stdout, self.logs)

    def _wait(self, invocation: _Invocation, deadline_s: float) -> None:
        deadline = time.monotonic() + deadline_s
        process = self._process
        while not invocation.answered.wait(0.02):
            if process is None or process.poll() is not None:
                status = process.returncode if process else "stopped"
                # the answer may have been on its way while the process ended
                if not invocation.answered.wait(0.1):
                    invocation.answer(error=_failure("Runtime.ExitError", f"Runtime exited with {status}"))
            elif time.monotonic() > deadline:
                self._end_process()
                invocation.answer(error=_failure("Sandbox.Timedout", f"Task timed out after {deadline_s:.2f} seconds"))
        if invocation.error and invocation.error.get("errorType") == "Runtime.InitError":
            self._end_process()

    def _end_process(self) -> None:
        process = self._process
        if process is None:
            return
        process.kill()
        process.wait()
        self._queue.put(None)  # frees a handler thread that waits for work on behalf of the dead process

    # -- called by the HTTP handler ---------------------------------------------------------------------------------

    def next_invocation(self) -> _Invocation | None:
        """Blocks until there is work; None when the process that asked is gone."""
        invocation = self._queue.get()
        if invocation is not None:  # a thread left over from a dead process must not clear what the new one runs
            self._current = invocation
        return invocation

    def answered(self, request_id: str, value: Any, error: dict[str, Any] | None) -> bool:
        """Takes an answer; False if it is not for the running invocation."""
        if self._current is None or self._current.request_id != request_id:
            return False
        self._current.answer(value, error)
        return True

    def init_failed(self, error: dict[str, Any]) -> None:
        """The binary could not start: whoever waits gets its error."""
        waiting = self._current if self._current and not self._current.answered.is_set() else None
        if waiting is None:
            try:
                waiting = self._queue.get(timeout=5)
            except queue.Empty:
                return
        if waiting:
            waiting.answer(error=error | {"errorType": "Runtime.InitError"})


def _failure(kind: str, message: str) -> dict[str, Any]:
    return {"errorType": kind, "errorMessage": message}


def _serve(function: Function) -> ThreadingHTTPServer:
    class Handler(_Handler):
        owner = function

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: Function

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        if self.path != f"{_PREFIX}invocation/next":
            return self._send(404, b"{}")
        invocation = self.owner.next_invocation()
        if invocation is None:
            self.close_connection = True
            return None
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": self.owner.arn,
            "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0",
        }
        return self._send(200, invocation.payload, headers)

    def do_POST(self) -> None:
        body, path = _parse(self._body()), self.path.removeprefix(_PREFIX)
        if path == "init/error":
            self.owner.init_failed(body if isinstance(body, dict) else _failure("Runtime.InitError", str(body)))
            return self._send(202, b"{}")
        _, request_id, verb = path.split("/")
        error = None
        if verb == "error":
            error = body if isinstance(body, dict) else _failure("Runtime.HandlerError", str(body))
        known = self.owner.answered(request_id, None if error else body, error)
        return self._send(202 if known else 400, b"{}")

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode("utf-8", errors="replace")
