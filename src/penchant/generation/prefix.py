"""`PrefixCache`: keys and values of tokens with which many prompts begin, computed once."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["PrefixCache"]


class PrefixCache:
    """Keys and values of a constant prefix, for `penchant.generation.generate`.

    Prompts of a batch that are shorter than others are padded between prefix and rest, masked. A model without a
    key-value cache, or with a sliding window (which would count the padding), reads whole prompts instead.

    Args:
        model: a causal language model of transformers.
        ids: the tokens of the prefix, at least one.

    Attributes:
        usable: whether the model can continue from it.
    """

    def __init__(self, model: Any, ids: Sequence[int]) -> None:
        from transformers import DynamicCache

        self.ids, self.usable, self.cache = tuple(ids), False, None
        if not ids or getattr(model, "_is_stateful", False):
            return
        takes = inspect.signature(model.forward).parameters
        options = {"logits_to_keep": 1} if "logits_to_keep" in takes else {}
        given = torch.tensor([self.ids], device=next(model.parameters()).device)
        with torch.no_grad():
            output = model(
                input_ids=given, past_key_values=DynamicCache(config=model.config), use_cache=True, **options
            )
        cache = getattr(output, "past_key_values", None)
        self.usable = (
            isinstance(cache, DynamicCache)
            and cache.get_seq_length() == len(self.ids)
            and not any(getattr(layer, "is_sliding", False) for layer in cache.layers)
        )
        self.cache = cache if self.usable else None

    def length_in(self, prompts: Sequence[Sequence[int]]) -> int:
        """The tokens that a batch need not read again: all of the prefix, or 0 where a prompt does not go on from it.

        Args:
            prompts: token ids of whole prompts.
        """
        size = len(self.ids)
        begins = all(len(each) > size and tuple(each[:size]) == self.ids for each in prompts)
        return size if self.usable and begins else 0

    def before(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The rows and their mask with the prefix in front."""
        lead = ids.new_tensor([self.ids]).expand(len(ids), -1)
        return torch.cat([lead, ids], 1), torch.cat([torch.ones_like(lead), mask], 1)

    def repeated(self, rows: int) -> Any:
        """A copy of the cache for a number of rows, which generation may extend."""
        cache = copy.deepcopy(self.cache)
        cache.batch_repeat_interleave(rows)  # type: ignore[union-attr]
        return cache
