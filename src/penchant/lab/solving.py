"""Training of a small model in place, and its solutions of problems, for claims about solutions."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from penchant.lab.policies import answer

__all__ = ["solve", "teach"]


def teach(model: Any, tokenizer: Any, data: Sequence[Any], objective: str, *, seed: int, **settings: Any) -> None:
    """Train a model in place, and keep no files.

    Args:
        model: a causal language model.
        tokenizer: its tokenizer.
        data: records.
        objective: id of the objective.
        seed: of the order.
        settings: further arguments of `penchant.train`: ``batch_size``, ``learning_rate``, ``epochs``, ...
    """
    from penchant.training.api import train

    kept: dict[str, Any] = {"samples": 0, "checkpoints": "none", "seed": seed}
    with tempfile.TemporaryDirectory() as place:
        train(model, list(data), objective, Path(place) / "run", tokenizer=tokenizer, **kept, **settings)


def solve(
    model: Any, tokenizer: Any, rows: Sequence[Mapping[str, Any]], *, samples: int, seed: int, longest: int = 4
) -> list[list[str]]:
    """Sample solutions of each problem at temperature 1; empty ones are left out.

    Args:
        model: a causal language model.
        tokenizer: its tokenizer.
        rows: problems with ``prompt``.
        samples: solutions per problem.
        seed: of the sampling.
        longest: maximum tokens of a solution.
    """
    prompts = [row["prompt"] for row in rows]
    given = answer(model, tokenizer, prompts, samples=samples, max_new_tokens=longest, seed=seed)
    return [[each.text for each in several if each.text.strip()] for several in given]
