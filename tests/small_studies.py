"""A study small enough to run in seconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from small_runs import model_folder, write_pairs

QUICK = {"max_steps": 1, "batch_size": 2, "checkpoints": "none"}


def study_file(folder: Path, **changes: Any) -> str:
    """A study of eight pairs and demonstrations and a model of a few weights."""
    pairs = write_pairs(folder / "pairs.jsonl")
    rows = [json.loads(line) for line in pairs.read_text().splitlines()]
    shown = [{"prompt": each["prompt"], "completion": each["chosen"]} for each in rows]
    (folder / "shown.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in shown))
    content = {
        "design": "budget",
        "model": str(model_folder(folder / "model")),
        "demonstrations": str(folder / "shown.jsonl"),
        "pairs": str(pairs),
        "held_out": str(pairs),
        "budgets": [2, 4],
        "fractions": [0, 0.5, 1],
        "seeds": 1,
        "supervised": {"objective": {"name": "nll"}, **QUICK},
        "preference": {"objective": {"name": "dpo"}, **QUICK},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump({**content, **changes}))
    return str(folder / "study.yaml")
