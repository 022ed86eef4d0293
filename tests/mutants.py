"""What became of the mutants, file by file, in one pass or several:

    python3 tests/mutants.py target/mutants/mutants.out.old target/mutants/mutants.out

What a later pass says of a mutant counts. Fails if fewer than 95 of 100 viable mutants were caught, or if there were none."""

import json
import pathlib
import sys
from collections import Counter, defaultdict

LEAST = 95
WORDS = {"CaughtMutant": "caught", "MissedMutant": "missed", "Unviable": "unviable", "Timeout": "timeout"}
COLUMNS = ["caught", "timeout", "missed", "unviable", "failed"]


def read(passes: list[pathlib.Path]) -> dict[tuple[str, str], str]:
    """How each mutant ended: by its file and its name."""
    ended = {}
    for out in passes:
        if not (out / "outcomes.json").exists():
            continue  # The first pass leaves the loop out, and may have nothing to do.
        for outcome in json.loads((out / "outcomes.json").read_text())["outcomes"]:
            if outcome["scenario"] != "Baseline":
                mutant = outcome["scenario"]["Mutant"]
                ended[mutant["file"], mutant["name"]] = WORDS.get(outcome["summary"], "failed")
    return ended


def report(ended: dict[tuple[str, str], str]) -> bool:
    """Prints who was missed, then a line a file and one of the sum; true if enough were caught."""
    files: dict[str, Counter] = defaultdict(Counter)
    for (file, name), end in sorted(ended.items()):
        files[file][end] += 1
        if end in ("missed", "failed"):
            print(f"{end}: {name}")
    total = sum(files.values(), Counter())
    for name, count in [*sorted(files.items()), ("all", total)]:
        print(f"{name:<40}" + "".join(f"{count[column]:>5} {column}" for column in COLUMNS))
    # A mutant that never ends is noticed: the run is cut off.
    caught, viable = total["caught"] + total["timeout"], total.total() - total["unviable"]
    percent = 100 * caught / viable if viable else 0
    print(f"{caught} of {viable} viable mutants caught: {percent:.1f}% (at least {LEAST}%)")
    return percent >= LEAST and not total["failed"]


if __name__ == "__main__":
    sys.exit(0 if report(read([pathlib.Path(out) for out in sys.argv[1:]])) else 1)
