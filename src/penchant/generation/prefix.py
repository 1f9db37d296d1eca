"""`PrefixCache`: keys and values of tokens with which many prompts begin, computed once."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch

from penchant.generation.memory import Lead
from penchant.generation.runs import holds, keeps_nothing
from penchant.likelihood.core import cache_name, cache_of, taken_by

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
        if not ids or keeps_nothing(model):
            return
        takes = taken_by(model)
        options = {"logits_to_keep": 1} if "logits_to_keep" in takes else {}
        given = torch.tensor([self.ids], device=next(model.parameters()).device)
        with torch.no_grad():
            output = model(
                input_ids=given, use_cache=True, **{cache_name(model): DynamicCache(config=model.config)}, **options
            )
        cache = cache_of(output)
        self.usable = holds(cache, len(self.ids))
        self.cache = cache if self.usable else None

    def lead(self, model: Any, prompts: Sequence[Sequence[int]]) -> Lead | None:
        """The prefix before each prompt; None where a prompt does not go on from it.

        Args:
            model: will read the prompts.
            prompts: token ids of whole prompts.
        """
        size = len(self.ids)
        if not self.usable or not all(len(each) > size and tuple(each[:size]) == self.ids for each in prompts):
            return None
        ids = torch.tensor([self.ids], device=next(model.parameters()).device).expand(len(prompts), -1)
        cache = copy.deepcopy(self.cache)
        cache.batch_repeat_interleave(len(prompts))  # type: ignore[union-attr]
        return Lead((size,) * len(prompts), ids, torch.ones_like(ids), cache)
