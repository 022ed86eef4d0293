"""Child processes of the rig: started with a log file, ended with their parent whatever happens to it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

#: Emulators on a loaded two-core machine have taken 6 s to import; this is the bound, not the expectation.
START_TIMEOUT_S = 60.0
_READY_FILE = "RIG_READY_FILE"


class StartError(RuntimeError):
    """A child did not become ready; the message ends with the tail of its log."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Child:
    """A Python module running as a process group of its own, tied to this process by its standard input."""

    def __init__(self, module: str, work_dir: Path, env: dict[str, str] | None = None) -> None:
        self.name = module.rsplit(".", 1)[-1]
        self.log_path = work_dir / f"{self.name}.log"
        self._module = module
        self._ready_path = work_dir / f"{self.name}.ready"
        self._env = env or {}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the process; returns at once, see `wait_ready`."""
        self._ready_path.unlink(missing_ok=True)
        root = str(Path(__file__).resolve().parent.parent)
        env = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": root, "PYTHONUNBUFFERED": "1"}
        env |= self._env | {_READY_FILE: str(self._ready_path)}
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module],
                env=env,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_ready(self, timeout: float = START_TIMEOUT_S) -> dict[str, Any]:
        """Waits for the child's `report_ready` and returns what it reported."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self._ready_path.exists():
                return dict(json.loads(self._ready_path.read_text()))
            if not self.alive():
                break
            time.sleep(0.02)
        raise StartError(f"{self.name} did not start:\n{self.log_tail()}")

    def log_tail(self, lines: int = 30) -> str:
        """The last lines the child wrote."""
        if not self.log_path.exists():
            return ""
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Ends the child and everything it started; does nothing if it has ended."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            process.stdin.close()  # `end_with_parent` ends the whole group on this
        try:
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def end_with_parent() -> None:
    """Called by a child: kills its process group as soon as the parent closes our standard input, or dies."""

    def watch() -> None:
        sys.stdin.buffer.read()
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()


def report_ready(**facts: Any) -> None:
    """Called by a child when it serves; the parent's `wait_ready` returns these facts."""
    path = Path(os.environ[_READY_FILE])
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(facts))
    partial.rename(path)
