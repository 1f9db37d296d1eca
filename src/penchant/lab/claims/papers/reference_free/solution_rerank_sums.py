"""Solution re-ranking where the most frequent answer is often wrong."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from penchant.lab.claims import Claim, Contrast
from penchant.lab.solving import solve, teach
from penchant.lab.worlds.language.model import tiny_model
from penchant.lab.worlds.sums import build_tokenizer, problems

__all__ = ["BeyondTheMajority"]

#: Letters of the question that the evaluator is asked, and of its answers.
LETTERS = "Isthoulncre ?\n"
_SAMPLES = 32


class BeyondTheMajority(Claim):
    """Majority voting, and an evaluator trained on right and wrong solutions, on the same 32 samples."""

    id = "solution-rerank-sums"
    paper = "arXiv:2310.10047"
    sentence = (
        "Of 32 sampled sums, whose most frequent answer often forgets the carry, an evaluator trained on right and "
        "wrong solutions with the margin loss chooses better than the majority: by its best of the two largest "
        "clusters, which is also better than its best of all, and by the weighted majority."
    )
    measures = ("solution-rerank",)
    methods = ("verdict-margin",)
    world = "sums to 19; demonstrations forget three of four carries; 200 sums to train the evaluator, 100 others"
    quantity = "share of 100 sums, held out from the evaluator, that are answered rightly"
    contrasts = (
        Contrast("top-2", "majority", smallest=0.05),
        Contrast("top-2", "all", smallest=0.05),
        Contrast("weighted majority", "majority", smallest=0.1),
    )
    seeds = range(5)
    cost = "language"
    remark = (
        "An evaluator of this size believes in some rare answers, so the best of all samples is no better than the "
        "majority. The paper reports both: small evaluators may be worse than the majority, and keeping the K largest "
        "clusters helps."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The evaluator starts from the generator, and sees its solutions of sums; margin λ = 1."""
        from penchant.rewards.right_and_wrong import right_and_wrong

        rows, tokenizer = problems(seed=seed), build_tokenizer(LETTERS)
        held_out, known = rows[:100], rows[100:300]
        model = tiny_model(tokenizer, seed=seed, hidden=96)
        teach(
            model, tokenizer, forgetful(rows, seed, 20), "nll", seed=seed, epochs=6, batch_size=64, learning_rate=3e-3
        )
        written = solve(model, tokenizer, known, samples=_SAMPLES, seed=seed)
        solutions = solve(model, tokenizer, held_out, samples=_SAMPLES, seed=seed + 1)
        asked = [{**row, "responses": texts} for row, texts in zip(known, written, strict=True)]
        pairs = right_and_wrong(asked, rule="exact", seed=seed)
        teach(model, tokenizer, pairs, "verdict-margin", seed=seed, epochs=8, batch_size=32, learning_rate=2e-3)
        table = _table(model, tokenizer, held_out, solutions)
        named = {"top-2": "rerank top-2", "all": "rerank all"}
        return {arm: table[named.get(arm, arm)] for arm in ("majority", "top-2", "all", "weighted majority", "pass@N")}


def _table(evaluator: Any, tokenizer: Any, rows: Sequence[Any], solutions: Sequence[list[str]]) -> dict[str, float]:
    from penchant.inference.judging import finite_scores
    from penchant.inference.solutions import rerank_table
    from penchant.rewards.two_words import TwoWords

    judge, table = TwoWords(evaluator, tokenizer, batch_size=512), []
    for row, texts in zip(rows, solutions, strict=True):
        right = [text.strip() == row["answer"] for text in texts]
        table.append((texts, finite_scores(judge, row["prompt"], texts), right))
    return rerank_table(table, clusters=(2,))


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
