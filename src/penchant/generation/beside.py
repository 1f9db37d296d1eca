"""`Beside`: another model whose logits are mixed into those of the sampled one, token by token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from transformers import LogitsProcessor

from penchant.generation.cached_forward import CachedForward
from penchant.generation.engine import Guide

__all__ = ["Beside"]


@dataclass(frozen=True)
class Beside:
    """A mixture of two models: softmax((1 − share) log π + share log π_other) at every token.

    Args:
        model: the other causal language model, over the same vocabulary.
        share: its weight; below 0 the mixture extrapolates away from it.
    """

    model: Any
    share: float

    def guide(self, prompts: Sequence[Sequence[int]], samples: int) -> Guide:
        """The guide of `penchant.generation.engine.generate` for a call with these prompts.

        Args:
            prompts: token ids, none empty.
            samples: continuations of each.
        """

        def made(places: Sequence[int]) -> list[Any]:
            return [_Mixed(self, [prompts[place] for place in places], samples)]

        return made


class _Mixed(LogitsProcessor):
    """Mixes in the other model's logits; its keys and values are kept from token to token."""

    def __init__(self, beside: Beside, prompts: Sequence[Sequence[int]], samples: int) -> None:
        self.beside, self.prompts, self.samples = beside, prompts, samples
        self.forward: CachedForward | None = None

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if self.forward is None:
            self.forward = CachedForward(self.beside.model, self.prompts).repeat(self.samples)
            other = self.forward.logits
        else:
            other = self.forward.advance(input_ids[:, -1])
        share = self.beside.share
        return (1 - share) * scores.log_softmax(-1) + share * other.to(scores).log_softmax(-1)
