"""``python -m benchmarks.lab_runs FOLDER [WORLD | WORLD/METHOD ...]``: each recipe of the lab at its full length.

Each is one call of ``penchant lab`` with one thread, one after another, with what the command does by default: the
first of a world trains the start model, too. FOLDER keeps the runs, what they printed, and ``times.jsonl``; what stands
there is not run again, so a stopped measurement goes on. Seconds are those of the processor.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from penchant.lab.worlds.agents import METHODS as AGENTS
from penchant.lab.worlds.derivations import DERIVATIONS
from penchant.lab.worlds.shop import METHODS as SHOP
from penchant.lab.worlds.sums import METHODS as SUMS
from penchant.lab.worlds.tools import TOOLS
from penchant.lab.worlds.words_game.experiment import METHODS as WORDS

#: The methods of each world, and further words of its command.
WORLDS: dict[str, tuple[list[str], list[str]]] = {
    "sums": (list(SUMS), []),
    "derivations": (list(DERIVATIONS.methods), []),
    "tools": (list(TOOLS.methods), []),
    "agents": (list(AGENTS), []),
    "shop": (list(SHOP), ["--feedback", "full"]),
    "words": (list(WORDS), []),
    "bandit": ([""], []),
    "unpacking": ([""], []),
}


def asked(names: list[str]) -> Iterator[tuple[str, str]]:
    """The worlds and methods that are named; all where none is."""
    for world, (methods, _further) in WORLDS.items():
        for method in methods:
            if not names or world in names or f"{world}/{method}" in names:
                yield world, method


def run(folder: Path, world: str, method: str) -> dict[str, Any]:
    """One call of the command: its exit code, seconds, memory and held-out accuracies."""
    words = ["lab", world, *(["--method", method] if method else []), *WORLDS[world][1]]
    if world not in ("bandit", "unpacking"):
        words += ["--output", str(folder / world)]
    name = f"{world}-{method}".strip("-")
    start = time.time()
    with (folder / f"{name}.txt").open("w") as shown:
        child = subprocess.Popen(
            [sys.executable, "-m", "penchant", *words],
            stdout=shown,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        _pid, status, used = os.wait4(child.pid, 0)
    place = folder / world / (f"{method}-full" if world == "shop" else method)
    lines = (place / "metrics.jsonl").read_text().splitlines() if (place / "metrics.jsonl").is_file() else []
    right = [row["accuracy"] for row in map(json.loads, lines) if row["split"] == "eval" and "accuracy" in row]
    return {
        "world": world,
        "method": method,
        "exit code": os.waitstatus_to_exitcode(status),
        "seconds": round(used.ru_utime + used.ru_stime, 1),
        "wall": round(time.time() - start, 1),
        "MiB": used.ru_maxrss // 1024,
        "report": (place / "report.html").is_file(),
        "accuracy": [right[0], right[-1]] if right else [],
    }


def main() -> None:
    """Run what has not been run, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lab_runs", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    kept = given.folder / "times.jsonl"
    rows = [json.loads(line) for line in kept.read_text().splitlines()] if kept.is_file() else []
    known = {(row["world"], row["method"]) for row in rows}
    for world, method in asked(given.names):
        if (world, method) not in known:
            rows.append(run(given.folder.resolve(), world, method))
            with kept.open("a") as file:
                file.write(json.dumps(rows[-1]) + "\n")
    print("| world | method | s | MiB | accuracy at the start | at the end |\n| --- | --- | --- | --- | --- | --- |")
    for row in rows:
        right = [f"{each:.3f}" for each in row["accuracy"]] or ["", ""]
        told = "" if row["exit code"] == 0 else f", exit code {row['exit code']}"
        cells = (row["world"], f"`{row['method']}`{told}", f"{row['seconds']:.0f}", str(row["MiB"]), *right)
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
