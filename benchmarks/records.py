"""``python -m benchmarks --only records``: seconds and memory of the commands over more and more records.

Short pairs (a prompt and two responses of about ten words each). Every command is a process of its own; its processor
seconds are those of all its processes, its peak is that of the largest one. ``train`` ends after its first step; the
second run reads the tokens that the first one kept. The model is tiny, so that the figures are those of the data.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.data_pipeline import vocabulary

SIZES = (10_000, 100_000, 1_000_000)
#: Commands that compute with the model take as long as the model does; the largest size is left out.
LARGEST_SCORED = 100_000

FIRST_STEP = """
import os, sys
from transformers import TrainerCallback
import penchant

class First(TrainerCallback):
    def on_step_end(self, args, state, control, **more):
        os._exit(0)

penchant.train(sys.argv[1], sys.argv[2], "dpo", output=sys.argv[3], callbacks=[First()])
"""
COMMAND = "from penchant.cli.app import main; main()"


def write_records(folder: Path, count: int) -> None:
    """Pairs as JSON lines, CSV and Parquet, and problems with an answer and two responses."""
    import csv

    import pyarrow as arrow
    import pyarrow.parquet as parquet

    rng = random.Random(0)
    words = vocabulary(rng)

    def text() -> str:
        return " ".join(rng.choices(words, k=rng.randint(7, 13)))

    fields = ("prompt", "chosen", "rejected")
    schema = arrow.schema({name: arrow.string() for name in fields})
    with (
        (folder / "pairs.jsonl").open("w", encoding="utf-8") as lines,
        (folder / "pairs.csv").open("w", encoding="utf-8", newline="") as cells,
        (folder / "problems.jsonl").open("w", encoding="utf-8") as problems,
        parquet.ParquetWriter(folder / "pairs.parquet", schema) as columns,
    ):
        table = csv.DictWriter(cells, fields)
        table.writeheader()
        for start in range(0, count, 10_000):
            rows = [{name: text() for name in fields} for _ in range(min(10_000, count - start))]
            lines.writelines(json.dumps(row) + "\n" for row in rows)
            table.writerows(rows)
            columns.write_table(arrow.Table.from_pylist(rows, schema=schema))
            for number, row in enumerate(rows, start):
                asked = {"prompt": row["prompt"], "answer": str(number % 97)}
                responses = [f"{text()} {number % 97}", f"{text()} {number % 89 + 100}"]
                problems.write(json.dumps({**asked, "responses": responses}) + "\n")


def measured(command: list[str], environment: dict[str, str]) -> dict[str, float]:
    """Seconds, processor seconds and peak memory (MiB) of a command."""
    with tempfile.TemporaryFile() as said:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, stderr=said, env=environment)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        if os.waitstatus_to_exitcode(status):
            said.seek(0)
            raise SystemExit(f"{command} failed:\n{said.read()[-2000:].decode()}")
    return {"seconds": seconds, "cpu": used.ru_utime + used.ru_stime, "MiB": used.ru_maxrss / 1024}


def elsewhere(imported: str, folder: Path, count: int | None = None) -> None:
    """Write into a folder in another process: the peak of a command begins with the memory of its parent."""
    given = f"Path({str(folder)!r}){'' if count is None else f', {count}'}"
    program = f"from pathlib import Path; {imported}; write({given})"
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, capture_output=True)


def commands(folder: Path, model: Path) -> dict[str, list[str]]:
    """Each command by its name in the table."""
    own = [sys.executable, "-W", "ignore", "-c"]
    pairs, problems = str(folder / "pairs.jsonl"), str(folder / "problems.jsonl")
    built, verified, scored = (str(folder / f"{name}.jsonl") for name in ("built", "verified", "scored"))
    train = [*own, FIRST_STEP, str(model), pairs]
    return {
        "data check": [*own, COMMAND, "data", "check", pairs],
        "data check, CSV": [*own, COMMAND, "data", "check", str(folder / "pairs.csv")],
        "data check, Parquet": [*own, COMMAND, "data", "check", str(folder / "pairs.parquet")],
        "data check --model": [*own, COMMAND, "data", "check", pairs, "--model", str(model)],
        "train to the first step": [*train, str(folder / "first")],
        "the same, second run": [*train, str(folder / "second")],
        "score": [*own, COMMAND, "score", "--data", pairs, "--model", str(model), "--out", scored],
        "data build degrade": [*own, COMMAND, "data", "build", "degrade", pairs, "--out", built],
        "data verify": [*own, COMMAND, "data", "verify", problems, "--out", verified],
    }


def draw(path: Path, found: dict[str, dict[int, dict[str, float]]]) -> None:
    """The figure: seconds and memory of each command over the number of records."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4), constrained_layout=True)
    for name, rows in found.items():
        counts = sorted(rows)
        left.plot(counts, [rows[count]["cpu"] for count in counts], marker="o", label=name)
        right.plot(counts, [rows[count]["MiB"] for count in counts], marker="o", label=name)
    for axes, title in ((left, "processor seconds"), (right, "peak memory of the largest process, MiB")):
        axes.set(xscale="log", xlabel="records", title=title)
        axes.grid(alpha=0.3)
    left.set_yscale("log")
    right.set_ylim(bottom=0)
    right.legend(fontsize=7)
    figure.savefig(path)


def run(sizes: list[int], names: list[str], figure: Path | None, kept: Path | None) -> None:
    """Measure, and print the table.

    Args:
        sizes: numbers of records.
        names: commands to measure; empty for all.
        figure: file of the drawing; None draws nothing.
        kept: a JSON file that collects measurements of several calls; None for none.
    """
    found: dict[str, dict[int, dict[str, float]]] = {}
    if kept is not None and kept.is_file():
        stored = json.loads(kept.read_text())
        found = {name: {int(count): row for count, row in rows.items()} for name, rows in stored.items()}
    with tempfile.TemporaryDirectory() as place:
        elsewhere("from benchmarks.data_pipeline import write_model as write", Path(place) / "model")
        for count in sizes:
            folder = Path(place) / str(count)
            folder.mkdir()
            elsewhere("from benchmarks.records import write_records as write", folder, count)
            environment = {**os.environ, "PENCHANT_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "2"}
            for name, command in commands(folder, Path(place) / "model").items():
                if (names and name not in names) or (name == "score" and count > LARGEST_SCORED):
                    continue
                found.setdefault(name, {})[count] = measured(command, environment)
                row = found[name][count]
                figures = f"{row['seconds']:.1f} s, {row['cpu']:.1f} core seconds, {row['MiB']:.0f} MiB"
                print(f"  {count} {name}: {figures}", file=sys.stderr, flush=True)
                if kept is not None:
                    kept.write_text(json.dumps(found, indent=1))
            shutil.rmtree(folder)
    every = sorted({count for rows in found.values() for count in rows})
    print("\n| seconds, core seconds, peak MiB | " + " | ".join(f"{count:,} records" for count in every) + " |")
    print("|" + "---|" * (len(every) + 1))
    for name, rows in found.items():
        cells = [
            f"{rows[count]['seconds']:.1f}, {rows[count]['cpu']:.1f}, {rows[count]['MiB']:.0f}" if count in rows else ""
            for count in every
        ]
        print(f"| {name} | " + " | ".join(cells) + " |")
    if figure is not None:
        draw(figure, found)
