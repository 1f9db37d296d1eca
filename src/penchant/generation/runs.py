"""`Run`: keys and values of a few successive tokens, taken out of a cache and laid into another; `Tally` counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

__all__ = ["Run", "Tally", "agreeing", "holds", "keeps_nothing", "laid_out", "run_of"]

OTHER_STATE = "the model has another kind of state than keys and values"


@dataclass
class Tally:
    """Counts of tokens.

    Args:
        read: tokens that the model has read.
        saved: tokens of beginnings whose keys and values were at hand, and which it did not read again.
        sampled: tokens that were drawn.
    """

    read: int = 0
    saved: int = 0
    sampled: int = 0


@dataclass(frozen=True)
class Run:
    """Keys and values of a few successive tokens, [heads, T, D] for each layer."""

    length: int
    layers: tuple[tuple[Tensor, Tensor], ...]

    def first(self, count: int) -> Run:
        """Those of the first tokens."""
        return Run(count, tuple((keys[:, :count], values[:, :count]) for keys, values in self.layers))

    def after(self, count: int) -> Run:
        """Those of the tokens after the first ones."""
        return Run(self.length - count, tuple((keys[:, count:], values[:, count:]) for keys, values in self.layers))


def agreeing(one: Sequence[int], other: Sequence[int]) -> int:
    """The number of tokens with which both begin.

    Example:
        >>> agreeing((5, 6, 7), (5, 6, 9, 10)), agreeing((5,), ())
        (2, 0)
    """
    for place, (own, their) in enumerate(zip(one, other, strict=False)):
        if own != their:
            return place
    return min(len(one), len(other))


def run_of(cache: Any, row: int, places: Tensor) -> Run:
    """A copy of the keys and values at some places of a row.

    Args:
        cache: a `DynamicCache`.
        row: of the batch.
        places: [T] of its tokens, in order.
    """
    layers = tuple((each.keys[row][:, places], each.values[row][:, places]) for each in cache.layers)
    return Run(len(places), layers)


def laid_out(rows: Sequence[Sequence[Run]], cache: Any, device: Any) -> Tensor:
    """Lay runs into an empty cache, row beside row, padded on the left.

    Args:
        rows: for each row of the batch its runs, in order; a row may have none.
        cache: an empty `DynamicCache`, which stays empty if no row has any.
        device: of the mask.

    Returns:
        [R, L] the mask of what is known.
    """
    known = [sum(run.length for run in own) for own in rows]
    longest = max(known)
    mask = torch.zeros(len(rows), longest, dtype=torch.long, device=device)
    for row, count in enumerate(known):
        mask[row, longest - count :] = 1
    if longest:
        some = next(run for own in rows for run in own if run.length)
        for layer in range(len(some.layers)):
            cache.update(*(_padded(rows, longest, layer, side, some) for side in (0, 1)), layer)
    return mask


def _padded(rows: Sequence[Sequence[Run]], longest: int, layer: int, side: int, some: Run) -> Tensor:
    like = some.layers[layer][side]
    whole = like.new_zeros(len(rows), like.shape[0], longest, like.shape[2])
    for row, own in enumerate(rows):
        parts = [run.layers[layer][side] for run in own if run.length]
        if parts:
            joined = torch.cat(parts, 1)
            whole[row, :, longest - joined.shape[1] :] = joined
    return whole


def keeps_nothing(model: Any) -> str:
    """Why keys and values of every token cannot be kept for a model; empty if they can.

    Args:
        model: a causal language model of transformers.
    """
    if getattr(model, "_is_stateful", False):
        return OTHER_STATE
    layers = DynamicCache(config=model.config).layers
    if any(getattr(layer, "is_sliding", False) for layer in layers):
        return "the model forgets tokens outside of a sliding window"
    return "" if all(type(each) is DynamicLayer for each in layers) else OTHER_STATE


def holds(cache: Any, length: int) -> bool:
    """Whether a cache holds keys and values of every one of so many tokens.

    Args:
        cache: whatever a model has returned as its cache.
        length: how many tokens it has read.
    """
    plain = isinstance(cache, DynamicCache) and cache.get_seq_length() == length
    return plain and not any(getattr(layer, "is_sliding", False) for layer in cache.layers)
