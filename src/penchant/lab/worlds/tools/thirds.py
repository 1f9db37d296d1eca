"""How a model answers the hard third of the held-out requests, and the others, before and after an online run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from penchant.lab.policies import answer
from penchant.lab.worlds.practice import Practice, Rows
from penchant.rendering.renderer import Renderer

__all__ = ["Thirds", "before_and_after", "hard_first"]


@dataclass(frozen=True)
class Thirds:
    """Shares of exactly right calls.

    Args:
        hard: on the third of the requests whose right call surprises the start model most.
        others: on the rest.
    """

    hard: float
    others: float


def hard_first(model: Any, tokenizer: Any, rows: Rows) -> Rows:
    """Requests from the highest perplexity of their right call to the lowest.

    Args:
        model: judges them.
        tokenizer: its tokenizer.
        rows: with ``prompt`` and ``completion``.
    """
    renderer = Renderer(tokenizer)

    @torch.no_grad()
    def perplexity(row: dict[str, Any]) -> float:
        prompt, said = renderer.prompt_ids(row["prompt"]), renderer.response_ids(row["prompt"], row["completion"])
        logps = model(input_ids=torch.tensor([[*prompt, *said]])).logits[0].log_softmax(-1)
        own = logps[len(prompt) - 1 : -1].gather(-1, torch.tensor(said).unsqueeze(1))
        return math.exp(-float(own.mean()))

    return sorted(rows, key=lambda row: -perplexity(row))


def right_share(model: Any, tokenizer: Any, rows: Rows, *, samples: int = 4, seed: int = 0) -> float:
    """The share of sampled answers that are exactly right."""
    drawn = answer(model, tokenizer, [row["prompt"] for row in rows], samples=samples, max_new_tokens=24, seed=seed)
    right = [each.text == row["answer"] for row, several in zip(rows, drawn, strict=True) for each in several]
    return sum(right) / len(right)


def before_and_after(practice: Practice, methods: Sequence[str], seed: int, **changed: Any) -> dict[str, Thirds]:
    """The start and the result of each method on the hard third and on the rest of the held-out requests.

    Args:
        practice: the world.
        methods: some of its methods.
        seed: of everything.
        changed: further keys of the recipes.
    """
    from penchant.likelihood.loading import load_model

    tokenizer = practice.tokenizer()
    start = load_model(str(practice.start() / "start" / "model")).eval()
    rows = [row for row in practice.rows(seed) if row["split"] == "test"]
    ordered = hard_first(start, tokenizer, rows)
    third = len(ordered) // 3

    def measured(model: Any) -> Thirds:
        return Thirds(*(right_share(model, tokenizer, part) for part in (ordered[:third], ordered[third:])))

    found = {"start": measured(start)}
    for method in methods:
        found[method] = measured(practice.improve(method, seed, **changed).model)
    return found
