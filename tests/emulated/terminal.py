"""Runs a command as a person does: on a terminal, which shows what is typed and takes colour."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_PATIENCE_S = 90.0


class Screen(NamedTuple):
    """What a command left on a terminal, and how it ended."""

    code: int
    raw: str

    @property
    def text(self) -> str:
        """Without colour, and without what was overwritten or erased."""
        lines = []
        for line in _COLOUR.sub("", self.raw).split("\n"):
            shown = [part.rsplit("\x1b[K", 1)[-1] if "\x1b[K" in part else part for part in line.split("\r")]
            lines.append(next((part for part in reversed(shown) if part), ""))
        return "\n".join(lines)


def run(
    command: list[str], env: dict[str, str], folder: Path, answers: Iterable[tuple[str, str]] = (), columns: int = 120
) -> Screen:
    """Runs it; whenever a prompt is on the screen, its answer is typed."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    with subprocess.Popen(
        command, env=env, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        try:
            raw = _converse(ours, list(answers))
        except BaseException:
            process.kill()
            raise
        finally:
            os.close(ours)
        return Screen(process.wait(), raw.replace("\r\n", "\n"))


def _converse(terminal: int, answers: list[tuple[str, str]]) -> str:
    seen, at, deadline = "", 0, time.monotonic() + _PATIENCE_S
    while chunk := _read(terminal, deadline, seen):
        seen += chunk
        while answers and (found := seen.find(answers[0][0], at)) >= 0:
            at = found + len(answers[0][0])
            os.write(terminal, f"{answers.pop(0)[1]}\n".encode())
    assert not answers, f"never asked {answers[0][0]!r}:\n{seen}"
    return seen


def _read(terminal: int, deadline: float, seen: str) -> str:
    ready, _, _ = select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))
    if not ready:
        raise TimeoutError(f"nothing more came after:\n{seen}")
    try:
        return os.read(terminal, 65536).decode(errors="replace")
    except OSError:  # on Linux that is how a terminal ends
        return ""
