"""Solution re-ranking where the most frequent answer is often wrong."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from penchant.lab.claims import Claim, Contrast
from penchant.lab.policies import answer
from penchant.lab.worlds.language.model import tiny_model
from penchant.lab.worlds.sums import build_tokenizer, problems

__all__ = ["BeyondTheMajority"]

#: Letters of the question that the evaluator is asked, and of its answers.
LETTERS = "Isthoulncre ?\n"
_HELD_OUT, _SAMPLES = 100, 32


class BeyondTheMajority(Claim):
    """Majority voting, and an evaluator trained on right and wrong solutions, on the same 32 samples."""

    id = "solution-rerank-sums"
    paper = "arXiv:2310.10047"
    sentence = (
        "Of 32 sampled sums, whose most frequent answer often forgets the carry, the best one by an evaluator that was "
        "trained on right and wrong solutions is right more often than the majority, within the two largest clusters "
        "too."
    )
    measures = ("solution-rerank",)
    baselines = ("verdict-margin",)
    world = "sums to 19; demonstrations forget three of four carries; 300 sums to train on, 100 held out"
    quantity = "share of 100 held-out sums that are answered rightly"
    contrasts = (
        Contrast("rerank all", "majority", smallest=0.05),
        Contrast("rerank top-4", "majority", smallest=0.05),
    )
    seeds = range(5)
    cost = "language"

    def measure(self, seed: int) -> Mapping[str, float]:
        """The evaluator starts from the generator; margin λ = 1; solutions of the sums that it was trained on."""
        from penchant.inference.judging import finite_scores
        from penchant.inference.solutions import rerank_table
        from penchant.rewards.right_and_wrong import right_and_wrong
        from penchant.rewards.two_words import TwoWords

        rows, tokenizer = problems(seed=seed), build_tokenizer(LETTERS)
        held_out, known = rows[:_HELD_OUT], rows[_HELD_OUT:]
        model = tiny_model(tokenizer, seed=seed, hidden=96)
        _train(model, tokenizer, forgetful(known, seed, copies=20), "nll", seed, epochs=6)
        asked = [{**row, "responses": texts} for row, texts in zip(known, _solved(model, tokenizer, known, seed), strict=True)]
        solutions = _solved(model, tokenizer, held_out, seed + 1)
        pairs = right_and_wrong(asked, rule="exact", per_prompt=8, seed=seed)
        _train(model, tokenizer, pairs, "verdict-margin", seed, epochs=6)
        judge = TwoWords(model, tokenizer, batch_size=512)
        table = []
        for row, texts in zip(held_out, solutions, strict=True):
            right = [text.strip() == row["answer"] for text in texts]
            table.append((texts, finite_scores(judge, row["prompt"], texts), right))
        return rerank_table(table, clusters=(2, 4, 8))


def forgetful(rows: Sequence[Mapping[str, Any]], seed: int, copies: int) -> list[dict[str, Any]]:
    """Demonstrations: three of four sums with a carry lose it, two of five others are off by one to three."""
    rng, found = random.Random(seed), []
    for row in rows:
        first, second = map(int, row["prompt"].removesuffix("=").split("+"))
        for _ in range(copies):
            said = first + second
            if first % 10 + second % 10 >= 10:
                said -= 10 if rng.random() < 0.75 else 0
            elif rng.random() < 0.4:
                said = abs(said + rng.choice([-3, -2, -1, 1, 2, 3]))
            found.append({"prompt": row["prompt"], "completion": str(said)})
    rng.shuffle(found)
    return found


def _train(model: Any, tokenizer: Any, data: Sequence[Any], objective: str, seed: int, epochs: float) -> None:
    """Train a model in place."""
    from penchant.training.api import train

    with tempfile.TemporaryDirectory() as place:
        train(
            model,
            list(data),
            objective,
            Path(place) / "run",
            tokenizer=tokenizer,
            batch_size=64,
            epochs=epochs,
            learning_rate=3e-3,
            samples=0,
            seed=seed,
            checkpoints="none",
        )


def _solved(model: Any, tokenizer: Any, rows: Sequence[Mapping[str, Any]], seed: int) -> list[list[str]]:
    """32 samples for each sum."""
    prompts = [row["prompt"] for row in rows]
    given = answer(model, tokenizer, prompts, samples=_SAMPLES, max_new_tokens=4, seed=seed)
    return [[each.text for each in several if each.text.strip()] for several in given]
