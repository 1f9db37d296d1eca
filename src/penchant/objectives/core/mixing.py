"""`Mixing`, what a second pass mixes into the input of a model, and how much of it at each step."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Mixing", "Predicted"]

#: Which token is mixed in: the likeliest, the one of a rank, or a sampled one.
Predicted: TypeAlias = Literal["greedy", "ranked", "sampled"]


@dataclass(frozen=True)
class Mixing:
    """The input of a second pass: ê_t = (1 − λ) e(y_t) + λ e(ŷ_t) at each response token.

    Args:
        share: λ in [0, 1], in training after the warm-up, and in measurements.
        predicted: which token of the policy's distribution in the first pass is ŷ_t.
        rank: of ``ranked``; 1 is the likeliest.
        temperature: of ``sampled``.
        start: λ at step 0, where there is a warm-up.
        warmup: steps in which λ goes from ``start`` to ``share`` in a straight line.
        noise: standard deviation of λ's relative error, drawn anew at each step; λ stays in [0, 1].
        seed: of noise and samples.

    Example:
        >>> Mixing(0.4, warmup=4).share_at(1), Mixing(0.4, warmup=4).share_at(None)
        (0.1, 0.4)
    """

    share: float
    predicted: Predicted = "greedy"
    rank: int = 2
    temperature: float = 0.7
    start: float = 0.0
    warmup: int = 0
    noise: float = 0.0
    seed: int = 0

    @property
    def never(self) -> bool:
        """Whether λ is 0 at every step."""
        return self.share == 0 and (self.start == 0 or self.warmup == 0)

    def share_at(self, step: int | None) -> float:
        """λ at an optimizer step.

        Args:
            step: from 0; None in a measurement, which has neither warm-up nor noise.
        """
        if step is None:
            return self.share
        done = min(1.0, step / self.warmup) if self.warmup else 1.0
        mean = self.start + (self.share - self.start) * done
        drawn = random.Random(f"{self.seed}/{step}").gauss(0.0, 1.0) if self.noise else 0.0
        return min(1.0, max(0.0, mean * (1 + self.noise * drawn)))
