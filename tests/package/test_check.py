"""The check that binaries pass before they go to Lambda, on binaries of this machine."""

from __future__ import annotations

import platform
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import check
import pytest

#: This machine's own architecture, and the other one.
HERE, ELSEWHERE = ("arm64", "x86_64") if platform.machine() in ("arm64", "aarch64") else ("x86_64", "arm64")
#: A binary that is surely there, and linked against the C library.
BINARY = Path(sys.executable).resolve()

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="binaries of this machine are no ELF")


def test_a_good_binary_becomes_an_executable_bootstrap_and_the_same_zip_every_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(check, "GLIBC", check.glibc(BINARY))
    monkeypatch.setattr(check, "MAX_ZIP_BYTES", 10**9)
    archive = check.check(BINARY, HERE)
    assert archive == check.packed(BINARY)
    with zipfile.ZipFile(BytesIO(archive)) as read:
        (entry,) = read.infolist()
        assert entry.filename == "bootstrap" and entry.external_attr >> 16 & 0o111
        assert read.read(entry) == BINARY.read_bytes()


def test_a_newer_c_library_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = check.glibc(BINARY)
    assert needs > (2, 0)
    monkeypatch.setattr(check, "GLIBC", (needs[0], needs[1] - 1))
    with pytest.raises(check.Refused, match=rf"needs GLIBC {needs[0]}\.{needs[1]}"):
        check.check(BINARY, HERE)


def test_versions_are_numbers() -> None:
    """2.4 is older than 2.34."""
    assert (2, 4) < check.GLIBC == (2, 34)


def test_another_processor_is_refused() -> None:
    with pytest.raises(check.Refused, match="not for"):
        check.check(BINARY, ELSEWHERE)


def test_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "GLIBC", check.glibc(BINARY))
    monkeypatch.setattr(check, "MAX_ZIP_BYTES", 1000)
    with pytest.raises(check.Refused, match="as a zip"):
        check.check(BINARY, HERE)


def test_a_missing_or_broken_binary_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "lifecycle" / "bootstrap"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\n")
    assert check.main(HERE, tmp_path, tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert "no ELF binary" in said and "trueup/bootstrap is missing" in said
    assert list((tmp_path / "out").iterdir()) == []
