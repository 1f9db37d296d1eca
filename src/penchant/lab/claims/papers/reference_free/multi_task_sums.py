"""Sequential multi-task training: an evaluator between two generators."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from penchant.lab.claims import Claim, Contrast
from penchant.lab.solving import solve, teach
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

        def generate(one: Any, steps: int, order: int) -> None:
            teach(one, tokenizer, shown, "nll", seed=order, max_steps=steps, batch_size=32, learning_rate=3e-3)

        generate(model, _FIRST, seed)
        found = {"first generator": _right(model, tokenizer, held_out)}
        alone = copy.deepcopy(model)
        generate(alone, _EVALUATOR, seed + 1)
        generate(alone, _LAST, seed + 2)
        given = solve(model, tokenizer, known, samples=16, seed=seed)
        asked = [{**row, "responses": texts} for row, texts in zip(known, given, strict=True)]
        pairs = right_and_wrong(asked, rule="exact", seed=seed)
        settings = {"max_steps": _EVALUATOR, "batch_size": 32, "learning_rate": 1e-3}
        teach(model, tokenizer, pairs, "verdict-margin", seed=seed, **settings)
        generate(model, _LAST, seed + 2)
        found["three stages"] = _right(model, tokenizer, held_out)
        return found | {"generator alone": _right(alone, tokenizer, held_out)}


def _right(model: Any, tokenizer: Any, rows: Sequence[Mapping[str, Any]]) -> float:
    given = solve(model, tokenizer, rows, samples=4, seed=0)
    return sum(text.strip() == row["answer"] for row, texts in zip(rows, given, strict=True) for text in texts) / (
        4 * len(rows)
    )
