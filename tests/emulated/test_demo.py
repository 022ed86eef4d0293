"""`make demo`, as the README's first command runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import readme
from demo.screen import Screen
from product import BINARIES

TESTS = Path(__file__).resolve().parents[1]


def test_the_demo_passes_and_says_so(tmp_path: Path) -> None:
    """Every step passed, exit 0, nothing left behind in its folder, and the README shows what was printed."""
    env = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": f"{TESTS}:{TESTS / 'emulated'}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "SGSYNC_BIN_DIR": str(BINARIES),
        "TMPDIR": str(tmp_path),
    }
    command = [sys.executable, "-m", "demo"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed, 0 failed" in done.stdout
    assert "FAILED" not in done.stdout
    assert list(tmp_path.iterdir()) == []
    assert readme.missing("make demo", done.stdout) == []


def test_a_step_that_fails_or_raises_fails_the_demo() -> None:
    """The steps after it still run; the exit code says that not all passed."""

    def breaks() -> list[tuple[str, bool]]:
        raise RuntimeError("broken")

    for act in (breaks, lambda: [("fine", True), ("not fine", False)]):
        screen = Screen()
        screen.step("first", act)
        screen.step("second", lambda: [("fine", True)])
        assert screen.finish() == 1
