"""Two checkouts give the same numbers, to the last digit: receipts of files of cases, and claims measured anew.

    python tests/same_numbers.py OLD NEW --cases DIR/*.json --claims cdpo-flipped-labels ipo-deterministic-preferences

Run it around a change that moves code and must not move numbers. A case that one side cannot evaluate is listed, too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any


def run(checkout: Path, *arguments: str) -> None:
    """``penchant ARGUMENTS`` with the sources of a checkout; exit code 1 is a verdict, not a failure."""
    environment = {**os.environ, "PYTHONPATH": str(checkout / "src"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "penchant", *arguments]
    done = subprocess.run(command, env=environment, cwd=checkout, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{checkout}: penchant {' '.join(arguments)}\n{done.stderr}")


def receipts(checkout: Path, cases: Path, folder: Path) -> dict[str, Any]:
    """What every case of a file gives, by method and case."""
    target = folder / cases.name
    run(checkout, "receipts", str(cases), "--json", str(target))
    return {f"{row['method']} | {row['case']}": row["got"] for row in json.loads(target.read_text(encoding="utf-8"))}


def claims(checkout: Path, names: list[str], folder: Path) -> dict[str, Any]:
    """The arms of claims, seed by seed, measured without a cache."""
    run(checkout, "claims", *names, "--cache", str(folder / "seeds"), "--output", str(folder / "claims"))
    rows = json.loads((folder / "claims" / "claims.json").read_text(encoding="utf-8"))
    return {row["id"]: row["arms"] for row in rows}


def compared(old: dict[str, Any], new: dict[str, Any]) -> tuple[int, list[str]]:
    """How many entries are equal to the last digit, and a line for each that is not."""
    lines = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before != after:
            word = "only before" if after is None else "only now" if before is None else "differs"
            lines.append(f"{name}: {word}")
    return len(old.keys() | new.keys()) - len(lines), lines


def main() -> int:
    """Print what is equal and what differs; 1 where a number that both sides give differs or is lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--cases", type=Path, nargs="*", default=[])
    parser.add_argument("--claims", nargs="*", default=[])
    given = parser.parse_args()
    lost = 0
    with tempfile.TemporaryDirectory() as place:
        sides = [(given.old.resolve(), Path(place) / "old"), (given.new.resolve(), Path(place) / "new")]
        for _, folder in sides:
            folder.mkdir()
        pairs = [(cases.name, [receipts(tree, cases, folder) for tree, folder in sides]) for cases in given.cases]
        if given.claims:
            pairs.append(("claims", [claims(tree, given.claims, folder) for tree, folder in sides]))
        for title, (old, new) in pairs:
            equal, lines = compared(old, new)
            print(f"{title}: {equal} equal, {len(lines)} not", *lines, sep="\n  ")
            lost += sum(not line.endswith("only now") for line in lines)
    return 1 if lost else 0


if __name__ == "__main__":
    raise SystemExit(main())
