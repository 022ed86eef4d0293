"""What became of the mutants, file by file: `python3 tests/mutants.py target/mutants/mutants.out`.

Fails if fewer than 95 of 100 viable mutants were caught, or if there were none."""

import json
import pathlib
import sys
from collections import Counter, defaultdict

LEAST = 95
WORDS = {"CaughtMutant": "caught", "MissedMutant": "missed", "Unviable": "unviable", "Timeout": "timeout"}


def read(out: pathlib.Path) -> dict[str, Counter]:
    """How many mutants of each file ended in which way."""
    files: dict[str, Counter] = defaultdict(Counter)
    for outcome in json.loads((out / "outcomes.json").read_text())["outcomes"]:
        if outcome["scenario"] != "Baseline":
            files[outcome["scenario"]["Mutant"]["file"]][WORDS.get(outcome["summary"], "failed")] += 1
    return files


def report(files: dict[str, Counter]) -> bool:
    """Prints a line a file and one of the sum; true if enough were caught."""
    total = sum(files.values(), Counter())
    columns = ["caught", "timeout", "missed", "unviable", "failed"]
    for name, count in [*sorted(files.items()), ("all", total)]:
        print(f"{name:<40}" + "".join(f"{count[column]:>5} {column}" for column in columns))
    # A mutant that never ends is noticed: the run is cut off.
    caught, viable = total["caught"] + total["timeout"], total.total() - total["unviable"]
    percent = 100 * caught / viable if viable else 0
    print(f"{caught} of {viable} viable mutants caught: {percent:.1f}% (at least {LEAST}%)")
    return percent >= LEAST and not total["failed"]


if __name__ == "__main__":
    sys.exit(0 if report(read(pathlib.Path(sys.argv[1]))) else 1)
