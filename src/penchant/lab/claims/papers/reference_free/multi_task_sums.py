"""Sequential multi-task training: an evaluator between two generators."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from penchant.lab.claims import Claim, Contrast
from penchant.lab.policies import answer
from penchant.lab.worlds.language.model import tiny_model
from penchant.lab.worlds.sums import build_tokenizer, problems

__all__ = ["EvaluatorBetween"]

#: Letters of the question that the evaluator is asked, and of its answers.
LETTERS = "Isthoulncre ?\n"
_FIRST, _EVALUATOR, _LAST = 400, 60, 150


class EvaluatorBetween(Claim):
    """Generator, evaluator and generator again, against a generator of as many steps."""

    id = "multi-task-sums"
    paper = "arXiv:2310.10047"
    sentence = (
        "A small model that was trained as a generator of sums, as an evaluator of its own solutions, and as a "
        "generator again answers new sums rightly more often than after as many steps as a generator alone."
    )
    measures = ("multi-task",)
    baselines = ("nll",)
    world = "sums to 19; 200 sums to train on, 200 held out; 400, 60 and 150 steps"
    quantity = "share of right answers to 200 held-out sums, four samples each"
    contrasts = (Contrast("three stages", "generator alone", smallest=0.02),)
    seeds = range(5)
    cost = "language"
    remark = (
        "The last stage brings back what the evaluator's stage took from generation, and no more: a model of this size "
        "seems to learn to judge sums apart from writing them. Shorter first stages, on the tuning seeds, are worse."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same demonstrations, rates and number of steps for both."""
        from penchant.rewards.right_and_wrong import right_and_wrong

        rows, tokenizer = problems(seed=seed), build_tokenizer(LETTERS)
        held_out, known = rows[:200], rows[200:]
        shown = [{"prompt": row["prompt"], "completion": row["answer"]} for row in known] * 20
        model = tiny_model(tokenizer, seed=seed, hidden=64)
        _train(model, tokenizer, shown, "nll", seed, _FIRST)
        found = {"first generator": _right(model, tokenizer, held_out)}
        alone = copy.deepcopy(model)
        _train(alone, tokenizer, shown, "nll", seed + 1, _EVALUATOR)
        _train(alone, tokenizer, shown, "nll", seed + 2, _LAST)
        given = _solved(model, tokenizer, known, 16, seed)
        asked = [{**row, "responses": texts} for row, texts in zip(known, given, strict=True)]
        _train(
            model, tokenizer, right_and_wrong(asked, rule="exact", seed=seed), "verdict-margin", seed, _EVALUATOR, 1e-3
        )
        _train(model, tokenizer, shown, "nll", seed + 2, _LAST)
        found["three stages"] = _right(model, tokenizer, held_out)
        return found | {"generator alone": _right(alone, tokenizer, held_out)}


def _train(
    model: Any, tokenizer: Any, data: Sequence[Any], objective: str, seed: int, steps: int, rate: float = 3e-3
) -> None:
    """Train a model in place."""
    from penchant.training.api import train

    with tempfile.TemporaryDirectory() as place:
        train(
            model,
            list(data),
            objective,
            Path(place) / "run",
            tokenizer=tokenizer,
            batch_size=32,
            max_steps=steps,
            learning_rate=rate,
            samples=0,
            seed=seed,
            checkpoints="none",
        )


def _solved(model: Any, tokenizer: Any, rows: Sequence[Mapping[str, Any]], samples: int, seed: int) -> list[list[str]]:
    """Samples for each sum."""
    prompts = [row["prompt"] for row in rows]
    given = answer(model, tokenizer, prompts, samples=samples, max_new_tokens=4, seed=seed)
    return [[each.text for each in several if each.text.strip()] for several in given]


def _right(model: Any, tokenizer: Any, rows: Sequence[Mapping[str, Any]]) -> float:
    given = _solved(model, tokenizer, rows, 4, 0)
    return sum(text.strip() == row["answer"] for row, texts in zip(rows, given, strict=True) for text in texts) / (
        4 * len(rows)
    )
