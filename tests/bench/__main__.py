"""`make bench`: measures, prints the table, and fails if a must is not met."""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import re
import sys
from pathlib import Path

from .contenders import ROOT, binaries
from .rows import ROWS, Value, is_met, table
from .scenarios import REGIONS, Scenarios
from .wire import LOCAL_S, PEER_S, TO_CONNECT, WireRig

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- begin of what `make bench` wrote -->", "<!-- end of what `make bench` wrote -->"


def main() -> int:
    """Exit code 0 only if every must is met."""
    asked, load = _arguments(), os.getloadavg()[0]
    values: dict[str, Value] = {}
    if not (binaries() / "lifecycle").exists():
        print(f"no binaries in {binaries()}: cargo build --release --workspace --bins --locked", file=sys.stderr)
        return 2
    with WireRig(REGIONS) as rig:
        scenarios = Scenarios(rig, asked.patience).all()
        for name in asked.only or scenarios:
            print(f"… {name}", file=sys.stderr, flush=True)
            values |= dict(scenarios[name]())
    # Of a part only that is shown and judged; of the whole also what is missing.
    rows = [row for row in ROWS if row.key in values] if asked.only else ROWS
    block = "\n".join([*_circumstances(load), "", *table(values, rows)])
    print(block)
    if asked.write:
        text = PAGE.read_text()
        before, after = text.split(BEGIN)[0], text.split(END)[1]
        PAGE.write_text(f"{before}{BEGIN}\n{block}\n{END}{after}")
    unmet = [row.what for row in rows if not is_met(row, values.get(row.key))]
    print(f"\n{len(unmet)} of {sum(row.must is not None for row in rows)} musts not met", *unmet, sep="\n  ")
    return 1 if unmet else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("only", nargs="*", help="scenarios; all unless named")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    parser.add_argument(
        "--patience", type=float, default=60, metavar="S", help="how long the baseline may wait for a silent peer"
    )
    asked = parser.parse_args()
    if asked.only and asked.write:
        parser.error("the page has all of it or none")
    return asked


def _circumstances(load: float) -> list[str]:
    """Date, machine, binaries and distances; the load tells whether the machine had something else to do."""
    cpu = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    built = {"release": "release build", "debug": "dev build"}.get(binaries().name, "build of unknown profile")
    return [
        f"{date}; {os.cpu_count()} cores of {cpu[1] if cpu else platform.machine()}, {platform.system()}; {built}; "
        f"load {load:.1f} before; Python {platform.python_version()}.",
        f"Round trips of {LOCAL_S * 1000:.0f} ms in the region and {PEER_S * 1000:.0f} ms to a peer; "
        f"{TO_CONNECT} more to open a connection.",
    ]


if __name__ == "__main__":
    sys.exit(main())
