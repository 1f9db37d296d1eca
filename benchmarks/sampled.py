"""Steps on sampled groups: ``python -m benchmarks --only online`` prints the tables.

Every side runs in a process of its own, and all compute forward and backward of the same tokens; weights are not
updated. Seconds are those of all cores, which are steadier than the clock on a busy machine, and the median of a few
steps after one that is not counted. Memory is what the process needs beyond what it had before its first step.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from benchmarks.sampled_sides import VOCABULARY, Row, Shape, model, side

Table = Callable[[str, list[str], list[list[str]]], None]


def apart(shape: Shape) -> Row:
    """A side in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.sampled", json.dumps(asdict(shape))]
    environment = {"OMP_NUM_THREADS": "2", **os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"The side {shape} failed:\n{done.stderr[-2000:]}")
    found: Row = json.loads(done.stdout.strip().splitlines()[-1])
    print(f"  {shape.side}: {found['seconds']:.2f} s, {found['mib']:.0f} MiB", file=sys.stderr, flush=True)
    return found


def in_turn(shapes: dict[str, Shape], repeats: int) -> dict[str, list[Row]]:
    """All sides in turn, several times."""
    found: dict[str, list[Row]] = {name: [] for name in shapes}
    for _ in range(repeats):
        for name, shape in shapes.items():
            found[name].append(apart(shape))
    return found


def ratio(above: list[Row], below: list[Row], key: str = "seconds") -> str:
    """Median over rounds of above/below, with the least and the most."""
    values = [one[key] / max(other[key], 1e-9) for one, other in zip(above, below, strict=True)]
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def _figures(rows: list[Row]) -> list[str]:
    return [
        f"{statistics.median(each[key] for each in rows):.{digits}f}" for key, digits in (("seconds", 2), ("mib", 0))
    ]


def _difference(one: list[float], other: list[float]) -> float:
    """The norm of the difference of two vectors over that of the first."""
    apart_, size = (sum((a - b) ** 2 for a, b in zip(one, each, strict=True)) for each in (other, [0.0] * len(one)))
    return (apart_ / size) ** 0.5


def against_trl(repeats: int, table: Table) -> None:
    """Losses, gradients, time and memory of a step beside TRL's."""
    rows = []
    for count, temperature in ((4, 1.0), (16, 1.0), (4, 0.7), (16, 0.7)):
        sides = {name: Shape(name, responses=count, temperature=temperature) for name in ("penchant", "trl")}
        found = in_turn(sides, repeats)
        mine, its = found["penchant"], found["trl"]
        same = [abs(mine[0]["loss"] - its[0]["loss"]), _difference(mine[0]["slopes"], its[0]["slopes"])]
        case = [
            f"{count}",
            f"{temperature}",
            *_figures(mine),
            *_figures(its),
            ratio(its, mine),
            ratio(mine, its, "mib"),
        ]
        rows.append([*case, *(f"{each:.0e}" for each in same)])
    heading = ["G", "temperature", "s", "MiB", "TRL's s", "TRL's MiB", "faster by", "memory ratio"]
    table("GRPO: a step beside TRL's GRPOTrainer", [*heading, "loss apart", "gradient apart (relative)"], rows)


def others(repeats: int, table: Table) -> None:
    """What prompts, critic and references cost, and sampling beside ``generate``."""
    pairs = {
        "8 samples on prompts of 500 tokens, beside repeating the prompt": (
            Shape("penchant", 1, 8, 500, 64),
            Shape("sequences", 1, 8, 500, 64),
        ),
        "PPO without a critic (bnpo), beside PPO": (Shape("bnpo"), Shape("ppo")),
        "LoRA: one reference, beside none": (Shape("initial"), Shape("no reference")),
        "LoRA: two references, beside one": (Shape("initial and previous"), Shape("initial")),
        "sampling, 8 samples on 4 prompts of 16 tokens, beside generate": (
            Shape("engine", 4, 8, 16, 32),
            Shape("generate", 4, 8, 16, 32),
        ),
        "sampling, 8 samples of 1 to 128 tokens on 4 prompts of 16, beside generate": (
            Shape("engine", 4, 8, 16, 128, ends=40),
            Shape("generate", 4, 8, 16, 128, ends=40),
        ),
        "sampling, 8 samples on 4 prompts of 500 tokens, beside generate": (
            Shape("engine", 4, 8, 500, 32),
            Shape("generate", 4, 8, 500, 32),
        ),
    }
    rows = []
    for title, (one, other) in pairs.items():
        found = in_turn({"one": one, "other": other}, repeats)
        mine, its = found["one"], found["other"]
        rows.append([title, *_figures(mine), *_figures(its), ratio(its, mine), ratio(mine, its, "mib")])
    table("Sampled groups", ["what", "s", "MiB", "its s", "its MiB", "faster by", "memory ratio"], rows)


def rounds(table: Table) -> None:
    """The peak memory of a run's first round for several numbers of prompts."""
    rows = []
    for prompts in (32, 128, 512):
        command = [sys.executable, "-W", "ignore", "-m", "benchmarks.sampled", str(prompts)]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ}, check=True)
        found = json.loads(done.stdout.strip().splitlines()[-1])
        rows.append([str(prompts), f"{found['peak']:.0f}", f"{found['before']:.0f}"])
    table("A round of GRPO: peak memory", ["prompts", "peak MiB", "MiB before"], rows)


def whole_round(prompts: int) -> Row:
    """One round in a run of its own, 4 samples a prompt."""
    from benchmarks.decoding import word_tokenizer
    from penchant.online import make_online_recipe, run_online

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        policy = model()
        policy.save_pretrained(folder / "model")
        word_tokenizer(VOCABULARY).save_pretrained(folder / "model")
        del policy
        lines = [{"prompt": f"w{9 + each} w{99 + each}", "answer": "7"} for each in range(prompts)]
        (folder / "prompts.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
        (folder / "judge.py").write_text("def judge(prompt, response):\n    return float(len(response) % 7)\n")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        keys: Row = {"method": "grpo", "model": str(folder / "model"), "data": str(folder / "prompts.jsonl")}
        keys |= {"output": str(folder / "run"), "judge": {"name": "function", "path": f"{folder / 'judge.py'}:judge"}}
        keys |= {"iterations": 1, "prompts_per_iteration": prompts, "samples_per_prompt": 4, "max_new_tokens": 8}
        keys |= {"batch_size": 32, "engine.batch_size": 64, "eval_limit": 4, "samples": 0, "device": "cpu"}
        run_online(make_online_recipe(keys))
    return {"before": before, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def measure(repeats: int, table: Table) -> None:
    """Print all tables.

    Args:
        repeats: rounds; a ratio is the median over rounds of the ratio within a round.
        table: prints a table of a title, a heading and rows.
    """
    against_trl(repeats, table)
    others(repeats, table)
    rounds(table)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    print(json.dumps(whole_round(given) if isinstance(given, int) else side(Shape(**given))))
