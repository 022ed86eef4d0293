"""Starts and stops ministack: CloudFormation with SAM, EventBridge, SQS, Lambda, DynamoDB, Scheduler, S3, IAM."""

from __future__ import annotations

import json
from pathlib import Path

from .children import Child
from .names import ACCOUNT, CREDENTIALS_ENV, REGIONS


class Ministack:
    """The ministack process on a free port of 127.0.0.1."""

    def __init__(self, work_dir: Path, function_env: dict[str, dict[str, str]]) -> None:
        """`function_env`: endpoint variables for functions, by the region they run in; `*` is any other region."""
        self.function_logs = work_dir / "functions"
        temporary = work_dir / "ministack"
        temporary.mkdir(parents=True, exist_ok=True)
        self._child = Child(
            "rig.ministack_server",
            work_dir,
            CREDENTIALS_ENV
            | function_env["*"]
            | {
                "MINISTACK_ACCOUNT_ID": ACCOUNT,
                "MINISTACK_REGION": REGIONS[0],
                "TMPDIR": str(temporary),
                "S3_DATA_DIR": str(temporary / "s3"),
                "STATE_DIR": str(temporary / "state"),
                "LOG_LEVEL": "INFO",
                "RIG_FUNCTION_ENDPOINTS": json.dumps(function_env),
                "RIG_FUNCTION_LOGS": str(self.function_logs),
            },
        )
        self.url = ""

    def start(self) -> None:
        """Returns at once; see `wait_ready`."""
        self._child.start()

    def wait_ready(self) -> None:
        """Waits until it answers its health check."""
        self.url = f"http://127.0.0.1:{self._child.wait_ready()['port']}"

    def stop(self) -> None:
        """Ends it and every function process."""
        self._child.stop()

    def log_tail(self, lines: int = 30) -> str:
        """The last lines it wrote."""
        return self._child.log_tail(lines)

    def function_log(self, name: str, region: str) -> list[str]:
        """Everything a deployed function wrote; `name` may be the beginning of the generated name."""
        lines: list[str] = []
        for path in sorted(self.function_logs.glob(f"{name}*.{region}.log")):
            lines += path.read_text(errors="replace").splitlines()
        return lines
