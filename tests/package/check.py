"""Checks the functions' binaries before they go to Lambda, and zips them.

    python tests/package/check.py arm64 target/lambda target/package

Exits 1, with every reason, if a binary is missing, is for another processor, needs a newer C library than
provided.al2023 has, or is too large.
"""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

FUNCTIONS = ("lifecycle", "trueup")
#: The template's architectures, in readelf's words.
MACHINES = {"arm64": "AArch64", "x86_64": "Advanced Micro Devices X86-64"}
#: The C library of provided.al2023.
GLIBC = (2, 34)
#: What a zip may weigh: a function is fetched and unpacked at every cold start.
MAX_ZIP_BYTES = 4_000_000


class Refused(Exception):
    """A binary that must not be deployed; says why."""


def _readelf(binary: Path, *options: str) -> str:
    done = subprocess.run(["readelf", *options, str(binary)], capture_output=True, text=True, check=False)
    if done.returncode or "Error:" in done.stderr:
        raise Refused(f"{binary} is no ELF binary: {done.stderr.strip()}")
    return done.stdout


def machine(binary: Path) -> str:
    """The processor that a binary is for, in readelf's words."""
    found = re.search(r"Machine:\s*(.+)", _readelf(binary, "--file-header"))
    return found[1].strip() if found else "unknown"


def glibc(binary: Path) -> tuple[int, int]:
    """The newest version of the C library that a binary asks for; (0, 0) if it asks for none."""
    needs = _readelf(binary, "--version-info", "--wide").partition("Version needs section")[2]
    found = re.findall(r"Name: GLIBC_(\d+)\.(\d+)", needs)
    return max(((int(major), int(minor)) for major, minor in found), default=(0, 0))


def packed(binary: Path) -> bytes:
    """The zip that Lambda gets: `bootstrap`, executable; the same bytes for the same binary."""
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, binary.read_bytes(), compresslevel=9)
    return buffer.getvalue()


def check(binary: Path, architecture: str) -> bytes:
    """A binary's zip, if it may be deployed; raises Refused if not."""
    if not binary.is_file():
        raise Refused(f"{binary} is missing: `cargo lambda build` did not make it")
    wanted, found = MACHINES[architecture], machine(binary)
    if found != wanted:
        raise Refused(f"{binary} is for {found}, not for {wanted}")
    if (needs := glibc(binary)) > GLIBC:
        raise Refused(f"{binary} needs GLIBC {_dotted(needs)}; provided.al2023 has {_dotted(GLIBC)}")
    archive = packed(binary)
    if len(archive) > MAX_ZIP_BYTES:
        raise Refused(f"{binary} is {len(archive):,} bytes as a zip; at most {MAX_ZIP_BYTES:,} are allowed")
    print(f"{binary}: {architecture}, GLIBC {_dotted(glibc(binary))}, {len(archive):,} bytes as a zip")
    return archive


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def main(architecture: str, binaries: Path, out: Path) -> int:
    """Checks all functions and writes their zips; the exit code."""
    refused = 0
    out.mkdir(parents=True, exist_ok=True)
    for name in FUNCTIONS:
        try:
            archive = check(binaries / name / "bootstrap", architecture)
            (out / f"sgsync-{name}-{architecture}.zip").write_bytes(archive)
        except Refused as reason:
            print(f"refused: {reason}", file=sys.stderr)
            refused = 1
    return refused


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in MACHINES:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
