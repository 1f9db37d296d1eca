"""Positive-unlabelled distillation on sums: a stronger teacher's one answer for each sum, and three ways to learn."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penchant.lab.pretrained import Pretraining
from penchant.lab.solving import solve
from penchant.lab.worlds.sums.checked import SumsWorld
from penchant.lab.worlds.sums.records import answers_of
from penchant.lab.worlds.sums.world import problems
from penchant.writing import write_rows

__all__ = ["learn_from_anchors", "teacher_of_sums"]

_HELD_OUT = 120
#: The student has read demonstrations of which 65 % are wrong.
_STUDENT = SumsWorld(wrong=0.65)
_STRONGER = SumsWorld(wrong=0.0, pretraining=Pretraining(10_000, epochs=8, batch_size=64, learning_rate=3e-3, width=96))


def teacher_of_sums() -> Path:
    """The folder of a stronger model of the student's size, the teacher: it has read right answers, twice as many."""
    return _STRONGER.base_model()


def learn_from_anchors(
    seed: int, fine_tuning: Mapping[str, Any], arms: Mapping[str, Mapping[str, Any]]
) -> dict[str, float]:
    """Fine-tune a student on the teacher's answers, then go on from it with each of several recipes.

    Args:
        seed: of which sums are held out, of the order, and of what is sampled.
        fine_tuning: settings of the training on the anchors.
        arms: for each arm the keys of an online recipe, ``method`` among them; the judge is closeness to the anchor.

    Returns:
        The share of right answers to the held-out sums, 16 sampled for each: of the student that nobody taught
        (``start``), of the one that was fine-tuned (``fine-tuned``), and of each arm.
    """
    from penchant.training.api import train

    rows = problems(largest=_STUDENT.largest, seed=seed)
    asked, known = rows[:_HELD_OUT], rows[_HELD_OUT:]
    said = answers_of(teacher_of_sums(), [row["prompt"] for row in known])
    anchors = [{"prompt": row["prompt"], "completion": each} for row, each in zip(known, said, strict=True) if each]
    tokenizer = _STUDENT.tokenizer()

    def right(model: Any) -> float:
        found = solve(model.eval(), tokenizer, asked, samples=16, seed=seed)
        hits = [each.strip() == row["answer"] for row, several in zip(asked, found, strict=True) for each in several]
        return sum(hits) / (16 * len(asked))

    found = {"start": right(_STUDENT.policy())}
    quiet: dict[str, Any] = {"samples": 0, "progress": False, "seed": seed, "tokenizer": tokenizer}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        tuned = train(_STUDENT.policy(), anchors, "nll", folder / "tuned", **quiet, **fine_tuning)
        found["fine-tuned"] = right(tuned.model)
        data = folder / "anchors.jsonl"
        write_rows(data, anchors, "The anchors")
        for arm, keys in arms.items():
            found[arm] = right(_improved(folder, arm, {"data": str(data), "seed": seed, **keys}))
    return found


def _improved(folder: Path, arm: str, keys: Mapping[str, Any]) -> Any:
    """The policy after an online run from the fine-tuned student."""
    from penchant.online.loop import run_online
    from penchant.online.recipe import make_online_recipe

    common: dict[str, Any] = {
        "model": str(folder / "tuned" / "model"),
        "output": str(folder / arm),
        "judge": {"name": "closeness"},
        "max_new_tokens": 4,
        "engine": {"name": "transformers", "batch_size": 2048},
        "eval_limit": 1,
        "samples": 0,
    }
    return run_online(make_online_recipe({**common, **keys})).model
