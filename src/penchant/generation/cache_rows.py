"""`CacheRows`: keys and values of which rows are chosen while the next tokens are added, in one copy."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

__all__ = ["CacheRows", "with_rows"]


class CacheRows(DynamicLayer):
    """A layer of a cache in which a choice of rows waits for the tokens that follow.

    transformers copies all keys and values to choose rows and once more to add tokens; a beam search does both at each
    step. Here the chosen rows are written into the memory of the longer ones.

    Example:
        >>> layer = CacheRows()
        >>> _ = layer.update(torch.tensor([[[[1.0]]], [[[2.0]]]]), torch.zeros(2, 1, 1, 1))
        >>> layer.batch_select_indices(torch.tensor([1, 1, 0]))
        >>> layer.update(torch.tensor([[[[3.0]]], [[[4.0]]], [[[5.0]]]]), torch.zeros(3, 1, 1, 1))[0].flatten().tolist()
        [2.0, 3.0, 2.0, 4.0, 1.0, 5.0]
    """

    keys: Tensor
    values: Tensor
    #: [A] the rows that are chosen, None for all.
    chosen: Tensor | None = None

    def batch_select_indices(self, indices: Tensor) -> None:
        """Choose rows, [A]; a row may be chosen several times."""
        self.chosen = indices if self.chosen is None else self.chosen[indices]

    def batch_repeat_interleave(self, repeats: int) -> None:
        """See `DynamicLayer.batch_repeat_interleave`."""
        self._settle()
        super().batch_repeat_interleave(repeats)

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Add tokens to the chosen rows; see `DynamicLayer.update`."""
        chosen = self.chosen
        if chosen is None or not self.is_initialized or self.keys.requires_grad or key_states.requires_grad:
            self._settle()
            found: tuple[Tensor, Tensor] = super().update(key_states, value_states, *args, **kwargs)
            return found
        self.chosen = None
        self.keys, self.values = _grown(self.keys, chosen, key_states), _grown(self.values, chosen, value_states)
        return self.keys, self.values

    def _settle(self) -> None:
        """Copy what is chosen."""
        if self.chosen is not None:
            super().batch_select_indices(self.chosen)
            self.chosen = None


def _grown(known: Tensor, rows: Tensor, added: Tensor) -> Tensor:
    """[A, heads, L + T, D] the rows [A] of ``known`` [R, heads, L, D] with ``added`` [A, heads, T, D] after them."""
    length = known.shape[-2]
    both = added.new_empty(*added.shape[:-2], length + added.shape[-2], added.shape[-1])
    torch.index_select(known, 0, rows, out=both[..., :length, :])
    both[..., length:, :] = added
    return both


def with_rows(cache: DynamicCache) -> DynamicCache:
    """An empty cache whose ordinary layers are `CacheRows`; those with a sliding window stay as they are."""
    cache.layers = [CacheRows() if type(each) is DynamicLayer else each for each in cache.layers]
    return cache
