"""``python -m benchmarks``: every table, both sides of each interleaved in one run.

Every side runs in a process of its own, the sides in turn, several times; a ratio is the median over the rounds of the
ratio within a round, so that a machine that is slow for a while is slow for both.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.lists import lists
from benchmarks.setting import BATCH, Setting, prepare, write_groups, write_judgements

Row = dict[str, Any]


def run(side: str, setting: Setting) -> Row:
    """One side, in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.side", side, str(setting.folder)]
    environment = {"OMP_NUM_THREADS": "2", **os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"The side {side!r} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def rounds(sides: list[str], setting: Setting, repeats: int) -> dict[str, list[Row]]:
    """All sides in turn, ``repeats`` times."""
    results: dict[str, list[Row]] = {side: [] for side in sides}
    for number in range(repeats):
        for side in sides:
            results[side].append(run(side, setting))
            print(f"  round {number + 1}: {side} {results[side][-1]['seconds']:.1f} s", file=sys.stderr, flush=True)
    return results


def ratio(above: list[Row], below: list[Row], key: str = "seconds") -> str:
    """Median over rounds of above/below, with the least and the most."""
    values = [first[key] / second[key] for first, second in zip(above, below, strict=True)]
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def median(rows: list[Row], key: str = "seconds") -> float:
    return statistics.median(row[key] for row in rows)


def gap(first: list[Row], second: list[Row]) -> float:
    """Largest difference between the losses of two sides."""
    return max(abs(a - b) for a, b in zip(first[0]["losses"], second[0]["losses"], strict=True))


def table(title: str, heading: list[str], rows: list[list[str]]) -> None:
    """Print a Markdown table."""
    print(f"\n### {title}\n")
    print("| " + " | ".join(heading) + " |")
    print("|" + "---|" * len(heading))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    sys.stdout.flush()


def against_trl(folder: Path, pairs: int, repeats: int) -> None:
    """1 and 2: against TRL's DPOTrainer, and against the floor."""
    setting = prepare(folder / "pairs", pairs)
    sides = ["penchant", "trl", "floor", "trl-no-checkpointing"]
    results = rounds(sides, setting, repeats)
    ours = results["penchant"]
    rows = []
    for side in sides:
        theirs = results[side]
        apart = "" if side == "floor" else f"{gap(ours, theirs):.1e}"
        speed, memory = ratio(theirs, ours), ratio(ours, theirs, "peak_mib")
        pace, peak = f"{pairs / median(theirs):.2f}", f"{median(theirs, 'peak_mib'):.0f}"
        rows.append([side, pace, peak, speed, memory, apart])
    heading = [
        "side",
        "pairs/s",
        "peak MiB",
        "penchant is faster by",
        "penchant's memory / its",
        "largest loss difference",
    ]
    table(f"Against TRL and the floor ({pairs} pairs, batch {BATCH})", heading, rows)


def _pace(rows: list[Row], key: str) -> float:
    """Tokens a second, by the clock or of a core: the median over rounds."""
    return statistics.median(row["tokens"] / row[key] for row in rows)


def kto_against_trl(folder: Path, pairs: int, repeats: int) -> None:
    """1a: KTO on the pairs cut into judgements, against TRL's KTOTrainer and against Penchant's own DPO."""
    setting = prepare(folder / "judgements", pairs)
    write_judgements(setting)
    sides = ["penchant-kto", "trl-kto", "penchant"]
    results = rounds(sides, setting, repeats)
    ours = results["penchant-kto"]
    rows = []
    for side in sides:
        theirs = results[side]
        tokens = [f"{_pace(theirs, key):,.0f}" if side != "trl-kto" else "" for key in ("seconds", "cpu")]
        apart = "" if side == "penchant" else f"{gap(ours, theirs):.1e}"
        speeds = [ratio(theirs, ours), ratio(theirs, ours, "cpu")]
        rows.append(
            [side, f"{2 * pairs / median(theirs):.2f}", *tokens, *speeds, ratio(ours, theirs, "peak_mib"), apart]
        )
    heading = ["side", "responses/s", "tokens/s", "tokens a core second"]
    heading += ["KTO is faster by", "the same in core seconds"]
    heading += ["KTO's memory / its", "largest loss difference"]
    table(f"KTO against TRL and DPO ({2 * pairs} judgements, batch {2 * BATCH})", heading, rows)


def in_bfloat16(folder: Path, pairs: int, repeats: int) -> None:
    """1b: both sides in both number types, each against Penchant in the same type; bfloat16 is TRL's default."""
    setting = prepare(folder / "types", pairs)
    sides = ["penchant", "penchant-bf16", "trl", "trl-bf16"]
    results = rounds(sides, setting, repeats)
    exact, rows = results["penchant"], []
    for side in sides:
        theirs = results[side]
        ours = results["penchant-bf16" if side.endswith("bf16") else "penchant"]
        figures = [ratio(theirs, ours), ratio(theirs, ours, "cpu"), ratio(exact, theirs, "cpu")]
        memory = [f"{median(theirs, 'peak_mib'):.0f}", ratio(theirs, exact, "peak_mib")]
        rows.append([side, f"{median(theirs):.1f}", f"{median(theirs, 'cpu'):.1f}", *figures, *memory])
        rows[-1].append(f"{gap(exact, theirs):.1e}")
    heading = ["side", "seconds", "core seconds", "Penchant in the same type is faster by", "the same in core seconds"]
    heading += ["faster than Penchant in float32 (core seconds)", "peak MiB", "peak / Penchant's in float32"]
    heading += ["loss difference to Penchant in float32"]
    table(f"Both number types ({pairs} pairs, batch {BATCH})", heading, rows)


def cached_epochs(folder: Path, pairs: int, repeats: int) -> None:
    """3: the second epoch with cached reference log-probabilities against the first, which fills the cache."""
    import shutil

    setting = prepare(folder / "cached", pairs)
    firsts, seconds = [], []
    for _number in range(repeats):
        shutil.rmtree(setting.folder / "cache", ignore_errors=True)
        row = run("penchant-two-epochs", setting)
        steps = len(row["losses"]) // 2
        # Time of a step is tokens over rate; both epochs hold the same tokens, so rates compare.
        slow, fast = sum(1 / rate for rate in row["rates"][:steps]), sum(1 / rate for rate in row["rates"][steps:])
        both = slow + fast
        firsts.append(row["prepared"] + row["seconds"] * slow / both)
        seconds.append(row["seconds"] * fast / both)
    values = [first / second for first, second in zip(firsts, seconds, strict=True)]
    told = f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"
    row_of = [f"{statistics.median(firsts):.1f}", f"{statistics.median(seconds):.1f}", told]
    table("Cached reference", ["first epoch, filling the cache (s)", "second epoch (s)", "ratio"], [row_of])


def groups(folder: Path, repeats: int) -> None:
    """4: several responses a prompt, as forests against ordinary padded sequences."""
    setting = prepare(folder / "groups", 64)
    rows = []
    for responses in (2, 4, 8):
        write_groups(setting, responses, 24)
        rows.append([str(responses), *_layouts(setting, repeats)])
    heading = [
        "responses a prompt",
        "forest (s)",
        "sequences (s)",
        "forest is faster by",
        "memory ratio",
        "loss difference",
    ]
    table("Rankings and groups: forward and backward", heading, rows)


def _layouts(setting: Setting, repeats: int) -> list[str]:
    results = rounds(["forest", "sequences"], setting, repeats)
    forest, plain = results["forest"], results["sequences"]
    seconds = [f"{median(forest):.1f}", f"{median(plain):.1f}"]
    return [*seconds, ratio(plain, forest), ratio(forest, plain, "peak_mib"), f"{gap(forest, plain):.1e}"]


def long_prompts(folder: Path, repeats: int) -> None:
    """5: prompts of 1,000 tokens with short responses."""
    setting = prepare(folder / "long", 16, prompt_tokens=1000)
    write_groups(setting, 2, 16)
    heading = ["prompts", "forest (s)", "sequences (s)", "forest is faster by", "memory ratio", "loss difference"]
    table("Long prompts: forward and backward", heading, [["1,000 tokens, pairs", *_layouts(setting, repeats)]])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    tables = ["trl", "kto", "types", "cached", "groups", "long", "lists", "decoding", "gpu", "records"]
    tables += ["leaderboard", "judges", "rewards", "real-rewards", "merging", "tokens", "weights", "search", "online"]
    tables += ["unlearning", "masks"]
    parser.add_argument("--only", choices=tables, help="one table")
    parser.add_argument("--tiny", action="store_true", help="with --only gpu: a small model on a CPU, to try the code")
    parser.add_argument("--records", type=int, nargs="+", help="with --only records: numbers of records")
    parser.add_argument("--commands", nargs="+", default=[], help="with --only records: rows of its table")
    parser.add_argument("--figure", type=Path, help="with --only records: an image of the table")
    parser.add_argument(
        "--collect", type=Path, help="with --only records or real-rewards: a JSON file that collects several calls"
    )
    parser.add_argument("--pairs", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3)
    chosen, further = parser.parse_known_args()
    if chosen.only == "unlearning":  # the one table with options of its own
        from benchmarks.unlearning import main as measure_unlearning

        measure_unlearning(further)
        return
    if further:
        parser.error(f"unrecognized arguments: {' '.join(further)}")
    if chosen.only == "gpu":
        from benchmarks.gpu import main as on_gpu

        on_gpu(chosen.tiny)
        return
    if chosen.only == "leaderboard":
        from benchmarks.leaderboard import measure

        measure(1_000_000, 50)
        return
    if chosen.only == "search":
        from benchmarks.search import search

        table("A tree search of 64 iterations: tokens of a prompt's tree", *search())
        return
    if chosen.only == "merging":
        from benchmarks.merging import merging

        with tempfile.TemporaryDirectory() as place:
            table("Merging two models of 1.2 B parameters", *merging(Path(place)))
        return
    if chosen.only == "judges":
        from benchmarks.judges import measure as measure_judges

        measure_judges(chosen.repeats, table)
        return
    if chosen.only == "real-rewards":
        from benchmarks.real_rewards import measure as measure_real

        measure_real(table, kept=chosen.collect)
        return
    if chosen.only == "weights":
        from benchmarks.weights import measure as measure_weights

        measure_weights(table)
        return
    if chosen.only == "masks":
        from benchmarks.masks import measure as measure_masks

        measure_masks(chosen.repeats, table)
        return
    if chosen.only == "tokens":
        from benchmarks.tokens import measure as measure_tokens

        measure_tokens(chosen.repeats, table)
        return
    if chosen.only == "online":
        from benchmarks.sampled import measure as measure_online

        measure_online(chosen.repeats, table)
        return
    if chosen.only == "records":
        from benchmarks.records import SIZES
        from benchmarks.records import run as run_records

        run_records(chosen.records or list(SIZES), chosen.commands, chosen.figure, chosen.collect)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if chosen.only in (None, "trl"):
            against_trl(folder, chosen.pairs, chosen.repeats)
        if chosen.only in (None, "kto"):
            kto_against_trl(folder, chosen.pairs, chosen.repeats)
        if chosen.only in (None, "rewards"):
            from benchmarks.rewards import measure as measure_rewards

            tools = argparse.Namespace(ratio=ratio, median=median, gap=gap, table=table)
            measure_rewards(folder, chosen.pairs, lambda *each: rounds(*each, chosen.repeats), tools)
        if chosen.only in (None, "types"):
            in_bfloat16(folder, chosen.pairs, chosen.repeats)
        if chosen.only in (None, "cached"):
            cached_epochs(folder, chosen.pairs // 2, chosen.repeats)
        if chosen.only in (None, "groups"):
            groups(folder, chosen.repeats)
        if chosen.only in (None, "long"):
            long_prompts(folder, chosen.repeats)
        if chosen.only in (None, "lists"):
            found = lists(folder, lambda sides, setting: rounds(sides, setting, chosen.repeats), ratio)
            table("K responses to a prompt: forward and backward", *found)
        if chosen.only in (None, "decoding"):
            from benchmarks.decoding import decoding

            table("Several models while decoding", *decoding(chosen.repeats))
    import torch

    if torch.cuda.is_available():
        from benchmarks.gpu import main as on_gpu

        on_gpu()


if __name__ == "__main__":
    main()
