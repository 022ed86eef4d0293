"""The ministack process: ministack as it is, with an executor for `provided` functions that behaves like Lambda.

ministack's own executor starts a process per invocation, hands it the same event again as soon as it has answered,
kills it in the middle of that second run, gives no function ARN and throws its output away (docs/testing.md). Here
processes stay warm, see each event once, and log to a file; functions of each region get that region's proxy port.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from .children import end_with_parent, free_port, report_ready
from .runtime_api import Function

#: ministack polls all queues from one thread, once a second when idle: a slow function would hold up every other one.
_POLLERS = 6
_POLL_PAUSE_S = 0.1


class Executor:
    """Warm execution environments by function, code and configuration."""

    def __init__(self, endpoints: dict[str, dict[str, str]], log_dir: Path) -> None:
        self._endpoints = endpoints
        self._log_dir = log_dir
        self._idle: dict[str, list[Function]] = {}
        self._lock = threading.Lock()
        self._code_dir: Any = None

    def install(self) -> None:
        """Takes the place of ministack's executor and poller."""
        from ministack.services import lambda_svc

        self._code_dir = lambda_svc._provided_runtime_code_dir
        lambda_svc._execute_function_provided = self.execute
        lambda_svc._poll_loop = lambda: _poll_side_by_side(lambda_svc._poll_sqs)

    def execute(self, func: dict[str, Any], event: Any) -> dict[str, Any]:
        """Runs one event; the answer has the shape ministack expects."""
        config = func.get("config") or func
        function, key = self._take(config, func["code_zip"])
        result = function.invoke(event, deadline_s=float(config.get("Timeout", 3)))
        self._log(function.name, function.region, result.logs)
        with self._lock:
            self._idle.setdefault(key, []).append(function)
        log = "\n".join(result.logs)
        if result.error is not None:
            return {"body": result.error, "error": True, "log": log}
        return {"body": result.value, "log": log}

    def _take(self, config: dict[str, Any], code: bytes) -> tuple[Function, str]:
        directory = self._code_dir(code)
        variables = (config.get("Environment") or {}).get("Variables") or {}
        arn = config["FunctionArn"]
        key = json.dumps([arn, directory, config.get("MemorySize"), variables], sort_keys=True)
        with self._lock:
            if idle := self._idle.get(key):
                return idle.pop(), key
        region = arn.split(":")[3]
        function = Function(
            Path(directory) / "bootstrap",
            name=config["FunctionName"],
            region=region,
            env=self._endpoints.get(region, self._endpoints["*"]) | variables,
            cwd=directory,
            memory_mb=int(config.get("MemorySize", 128)),
        )
        return function, key

    def _log(self, name: str, region: str, lines: list[str]) -> None:
        if lines:
            with self._lock, (self._log_dir / f"{name}.{region}.log").open("a") as log:
                log.write("\n".join(lines) + "\n")


def _poll_side_by_side(poll_sqs: Any) -> None:
    def poll() -> None:
        while True:
            try:
                busy = poll_sqs()
            except Exception as error:  # a queue that was deleted meanwhile must not end the poller
                print(f"poller: {error}", flush=True)
                busy = False
            if not busy:
                time.sleep(_POLL_PAUSE_S)

    for number in range(_POLLERS):
        threading.Thread(target=poll, name=f"sqs-poller-{number}", daemon=True).start()


def _report_when_healthy(port: int) -> None:
    from urllib.error import URLError
    from urllib.request import urlopen

    while True:
        try:
            with urlopen(f"http://127.0.0.1:{port}/_ministack/health", timeout=2):
                return report_ready(port=port, pid=os.getpid())
        except (URLError, OSError):
            time.sleep(0.05)


def main() -> None:
    """Runs until the parent ends."""
    end_with_parent()
    port = free_port()
    # read at import time
    os.environ |= {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "127.0.0.1"}
    from ministack import app

    from . import ministack_cloudformation

    ministack_cloudformation.install()
    endpoints = json.loads(os.environ["RIG_FUNCTION_ENDPOINTS"])
    log_dir = Path(os.environ["RIG_FUNCTION_LOGS"])
    log_dir.mkdir(parents=True, exist_ok=True)
    Executor(endpoints, log_dir).install()
    threading.Thread(target=_report_when_healthy, args=(port,), daemon=True).start()
    sys.argv = ["ministack"]
    app.main()


if __name__ == "__main__":
    main()
