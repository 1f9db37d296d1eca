"""``python -m tests.fuzz``: random input for a number of minutes, with the seed of every finding.

Examples run in a process of their own, so that one that never returns, or ends the process,
is a finding like any other.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

HERE = Path(__file__).resolve().parent


def _work(model: Path, seed: int, until: float, command: str | None) -> None:
    """Run examples and print one line of JSON before and after each."""
    from .examples import example

    while time.time() < until:
        print(json.dumps({"seed": seed}), flush=True)
        outcome = example(Random(seed), model, command)
        words = [each.encode("utf-8", "backslashreplace").decode()[:120] for each in outcome.words]
        found = {
            "seed": seed,
            "words": words,
            "code": outcome.code,
            "said": outcome.said[:600],
            "finding": outcome.finding[:600],
        }
        print(json.dumps(found), flush=True)
        seed += 1


def _worker(model: Path, seed: int, until: float, command: str | None) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "tests.fuzz", "--worker", str(model), "--seed", str(seed), "--until", str(until)]
    words += ["--command", command] if command else []
    place = {"PYTHONPATH": os.pathsep.join([str(HERE.parents[1] / "src"), str(HERE.parent)]), "HF_HUB_OFFLINE": "1"}
    env = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", **place}
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=env, cwd=HERE.parents[1])


def _search(model: Path, seed: int, until: float, command: str | None) -> tuple[Counter[str], list[dict[str, object]]]:
    """All examples until the time is over, by command and result, and the findings."""
    counts: Counter[str] = Counter()
    findings: list[dict[str, object]] = []
    while time.time() < until:
        worker = _worker(model, seed, until, command)
        assert worker.stdout is not None
        current, finished = seed, True
        for line in worker.stdout:
            row = json.loads(line)
            current, finished = row["seed"], "finding" in row
            if not finished:
                continue
            counts[_kind(row)] += 1
            if row["finding"]:
                findings.append(row)
                print(f"seed {current}: {row['finding']}\n    penchant {' '.join(row['words'])}", flush=True)
        code = worker.wait()
        if not finished:
            findings.append({"seed": current, "finding": f"the process ends with {code}"})
            print(f"seed {current}: the process ends with {code}", flush=True)
        seed = current + 1
    return counts, findings


def _kind(row: dict[str, object]) -> str:
    words = row["words"]
    assert isinstance(words, list)
    name = " ".join(words[:2] if words[0] in ("data",) else words[:1])
    result = "finding" if row["finding"] else "result" if row["code"] == 0 else "refused"
    return f"{name}: {result}"


def main() -> int:
    """Run the search, print what was tried and found, and return 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0, help="of the first example; each further one adds 1")
    parser.add_argument("--command", help="only this command, e.g. 'data check'")
    parser.add_argument("--once", action="store_true", help="run one example, the one of --seed, and print its outcome")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--until", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker is not None:
        _work(given.worker, given.seed, given.until, given.command)
        return 0
    sys.path[:0] = [str(HERE.parents[1] / "src"), str(HERE.parent)]
    from .small_model import small_model

    model = small_model(Path(tempfile.mkdtemp(prefix="fuzz_model")) / "m")
    if given.once:
        from .examples import example

        print(example(Random(given.seed), model, given.command))
        return 0
    counts, findings = _search(model, given.seed, time.time() + 60 * given.minutes, given.command)
    for name, count in sorted(counts.items()):
        print(f"{count:>8,}  {name}")
    print(f"{sum(counts.values()):,} examples, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
