"""What is measured without a wire: start-up, memory, the zip, the planner."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from product import EAST

from .contenders import ROOT, Contender
from .rows import Value

#: Starts whose median counts.
STARTS = 21
_POLL = b"GET /2018-06-01/runtime/invocation/next"


def start_ms(contender: Contender) -> float:
    """Milliseconds from starting a process to its first poll for work."""
    return median(_start_ms(contender) for _ in range(STARTS))


def _start_ms(contender: Contender) -> float:
    with socket.create_server(("127.0.0.1", 0)) as server:
        api = f"127.0.0.1:{server.getsockname()[1]}"
        lambdas = {
            "AWS_LAMBDA_RUNTIME_API": api,
            "AWS_LAMBDA_FUNCTION_NAME": "lifecycle",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/lifecycle",
            "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
            "PATH": os.environ.get("PATH", ""),
        }
        env = contender.world.rig.env(EAST, contender.caller()) | lambdas | contender.env()
        server.settimeout(30)
        begun = time.monotonic()
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(contender.command("lifecycle"), env=env, **quiet)
        try:
            connection, _ = server.accept()
            with connection:
                connection.settimeout(30)
                asked = connection.recv(4096)
                polled = time.monotonic()
        finally:
            process.kill()
            process.wait()
    if not asked.startswith(_POLL):
        raise RuntimeError(f"no poll but {asked!r}")
    return (polled - begun) * 1000


def most_memory_mb(contender: Contender) -> float:
    """The most that its first process ever had resident, in millions of bytes."""
    status = Path(f"/proc/{contender.function().pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    if found is None:
        raise RuntimeError(status)
    return int(found[1]) * 1024 / 1e6


def zipped() -> Iterator[tuple[str, Value]]:
    """The larger zip that `make package` left, if it did."""
    zips = [file.stat().st_size for file in (ROOT / "target" / "package").glob("*.zip")]
    if zips:
        yield "zip", Value(max(zips) / 1e6)


def planner() -> Iterator[tuple[str, Value]]:
    """The ratios that `cargo bench` prints: permissions, sorting, planning, its ratio, checking, its ratio."""
    command = ["cargo", "bench", "--locked", "-p", "sync-core", "--bench", "planner"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    pattern = r"^ +(\d+) +\d+ µs +\d+ µs +([\d.]+) +(?:\d+ µs|too long) +([\d.]+|-)$"
    lines = re.findall(pattern, done.stdout, re.MULTILINE)
    if not lines:
        raise RuntimeError(done.stdout + done.stderr)
    for size, plan, check in lines:
        yield f"plan-{size}", Value(float(plan))
        yield f"check-{size}", Value(None if check == "-" else float(check))
