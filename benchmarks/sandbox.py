"""``python -m benchmarks.sandbox``: programs a second through the sandbox, with namespaces and without.

Each row is measured several times, the rows in turn; the table has the median, the least and the most, beside the load
of the machine before the row. The last row starts a plain interpreter for each program instead, without any fence.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.__main__ import table
from penchant.sandbox import Program, Sandbox

PLAIN = Program("total = 0\nfor number in range(1000):\n    total += number\nprint(total)")
TESTED = Program(
    "import re, collections\ndef words(text):\n    return collections.Counter(re.findall(r'\\w+', text))",
    tests="assert words('a b a') == {'a': 2, 'b': 1}\nassert words('') == {}\nassert words('x')['x'] == 1",
)
WAYS: dict[str, tuple[str, ...]] = {"all fences": (), "without namespaces": ("namespaces",)}


def fresh_interpreters(count: int, jobs: int) -> float:
    """Programs a second with an interpreter for each, and no fence."""
    command = [getattr(sys, "_base_executable", sys.executable), "-I", "-S", "-c", PLAIN.text]

    def run(_number: int) -> None:
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)

    began = time.perf_counter()
    with ThreadPoolExecutor(jobs) as threads:
        list(threads.map(run, range(count)))
    return count / (time.perf_counter() - began)


def fenced(sandbox: Sandbox, program: Program, count: int) -> float:
    """Programs a second in the sandbox."""
    began = time.perf_counter()
    results = sandbox.run_many([program] * count)
    rate = count / (time.perf_counter() - began)
    if not all(result.passed for result in results):
        raise SystemExit(f"A program failed: {next(result for result in results if not result.passed)}")
    return rate


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sandbox", description=__doc__)
    parser.add_argument("--count", type=int, default=400, help="programs of one measurement")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    rates: dict[tuple[str, str], list[float]] = {}
    loads: dict[tuple[str, str], float] = {}
    for _repeat in range(chosen.repeats):
        for way, without in WAYS.items():
            with Sandbox(jobs=chosen.jobs, without=without) as sandbox:
                sandbox.run_many(["pass"] * chosen.jobs)
                for name, program in (("a short program", PLAIN), ("a function with three tests", TESTED)):
                    loads.setdefault((way, name), os.getloadavg()[0])
                    rates.setdefault((way, name), []).append(fenced(sandbox, program, chosen.count))
        key = ("no sandbox: an interpreter each", "a short program")
        loads.setdefault(key, os.getloadavg()[0])
        rates.setdefault(key, []).append(fresh_interpreters(chosen.count, chosen.jobs))
    rows = [
        [*key, f"{statistics.median(found):.0f} ({min(found):.0f}-{max(found):.0f})", f"{loads[key]:.1f}"]
        for key, found in rates.items()
    ]
    title = f"The sandbox ({chosen.count} programs, {chosen.jobs} jobs, {os.cpu_count()} cores)"
    table(title, ["fences", "program", "programs a second", "load before"], rows)


if __name__ == "__main__":
    main()
