"""`CachedForward`: next-token logits of a model over growing rows of tokens, with keys and values kept."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from penchant.generation.cache_rows import with_rows
from penchant.likelihood.core import cache_name, cache_of, taken_by

__all__ = ["CachedForward", "left_padded", "log_sums", "selectable"]

#: Numbers that `log_sums` sums at once: more would be fetched from the system and given back at each call.
SUMMED = 2**20


def selectable(cache: Any) -> bool:
    """Whether a cache holds keys and values of attention alone, whose rows can be repeated, chosen and left out.

    The states of linear attention and of convolutions are not chosen with them by transformers.
    """
    plain = ("CacheRows", "DynamicLayer", "DynamicSlidingWindowLayer")
    return isinstance(cache, DynamicCache) and all(type(layer).__name__ in plain for layer in cache.layers)


def left_padded(prompts: Sequence[Sequence[int]], pad: int, device: Any) -> tuple[Tensor, Tensor]:
    """Prompts as one tensor, padded on the left, and the mask of their own tokens; both [P, longest].

    Example:
        >>> left_padded([[5, 6], [7]], 0, "cpu")[0].tolist()
        [[5, 6], [0, 7]]
    """
    longest = max(map(len, prompts))
    ids = torch.tensor([[pad] * (longest - len(each)) + list(each) for each in prompts], device=device)
    lengths = torch.tensor([len(each) for each in prompts], device=device)
    return ids, (torch.arange(longest, device=device)[None] >= longest - lengths[:, None]).long()


class CachedForward:
    """Runs a model over prompts and then, a few tokens at a time, over what follows them.

    A model whose keys and values cannot be kept (another kind of state) reads every row anew at each step.

    Args:
        model: a causal language model of transformers, in the mode in which it is to be used.
        prompts: token ids, none empty.
        pad: fills shorter prompts on the left, masked.
        cached: whether keys and values are kept.
        last: tokens of the prompts after which logits are kept in ``tail``.

    Attributes:
        logits: [R, V] those after the last token of every row.
        tail: [P, last, V] those after the last tokens of the prompts.
        calls: number of forward passes so far.
    """

    def __init__(
        self, model: Any, prompts: Sequence[Sequence[int]], pad: int = 0, cached: bool = True, last: int = 1
    ) -> None:
        self.model, self.takes = model, taken_by(model)
        self.ids, self.mask = left_padded(prompts, pad, next(model.parameters()).device)
        self.calls = 0
        caches = cached and not getattr(model, "_is_stateful", False)
        self.cache: Any = with_rows(DynamicCache(config=model.config)) if caches else None
        self.tail = self._run(self.ids, last)
        self.logits = self.tail[:, -1]
        if self.cache is None or not selectable(self.cache) or self.cache.get_seq_length() != self.ids.shape[1]:
            self.cache = None  # another kind of state, which is not known to select rows

    def repeat(self, copies: int) -> CachedForward:
        """Every row ``copies`` times, one after the other."""
        if copies > 1:
            self.ids, self.mask, self.logits = (
                each.repeat_interleave(copies, 0) for each in (self.ids, self.mask, self.logits)
            )
            if self.cache is not None:
                self.cache.batch_repeat_interleave(copies)
        return self

    def fork(self) -> CachedForward:
        """An independent copy that continues from the same tokens."""
        other = copy.copy(self)
        other.cache = copy.deepcopy(self.cache)
        return other

    def advance(self, tokens: Tensor, parents: Tensor | None = None) -> Tensor:
        """The logits after rows that are extended by one token or several.

        Args:
            tokens: [A] or [A, T], what each new row adds.
            parents: [A] the row that each extends; None if each row is extended once, in order.

        Returns:
            [A, V] after the last of the tokens; with T tokens [A, T, V], after each.
        """
        several = tokens.dim() == 2
        added = tokens if several else tokens[:, None]
        ids, mask = (self.ids, self.mask) if parents is None else (self.ids[parents], self.mask[parents])
        self.ids = torch.cat([ids, added], 1)
        self.mask = torch.cat([mask, torch.ones_like(added)], 1)
        if self.cache is None:
            logits = self._run(self.ids, added.shape[1])
        else:
            if parents is not None:
                self.cache.batch_select_indices(parents)
            logits = self._run(added, added.shape[1])
        self.logits = logits[:, -1]
        return logits if several else self.logits

    def finish(self, tokens: Tensor, parents: Tensor, known: Tensor) -> Tensor:
        """The log-probabilities of what ends rows, nats; nothing can be added to them afterwards.

        Args:
            tokens: [A, T], what each new row adds.
            parents: [A] the row that each extends.
            known: [A, T] what follows each of the tokens.

        Returns:
            [A, T] those of ``known``.
        """
        logits = self.advance(tokens, parents)
        return logits.gather(-1, known[..., None])[..., 0].float() - log_sums(logits)

    def rewind(self, tokens: int) -> None:
        """Forget the last tokens of every row; the next call of `advance` continues before them.

        ``logits`` is then not known until the next call.

        Args:
            tokens: how many, at least 0.
        """
        if tokens:
            length = self.ids.shape[1] - tokens
            self.ids, self.mask = self.ids[:, :length], self.mask[:, :length]
            if self.cache is not None and not _shortened(self.cache, tokens):
                self.cache = None

    def _run(self, ids: Tensor, last: int) -> Tensor:
        """The logits after the ``last`` tokens of ``ids``, [R, last, V]."""
        self.calls += 1
        depth = (self.mask.cumsum(-1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        options = {"position_ids": depth, "logits_to_keep": last}
        options = {name: value for name, value in options.items() if name in self.takes}
        kept = {cache_name(self.model): self.cache} if self.cache is not None else {}
        output = self.model(
            input_ids=ids, attention_mask=self.mask, use_cache=self.cache is not None, **kept, **options
        )
        if self.cache is not None:
            self.cache = cache_of(output)
        found: Tensor = output.logits[:, -last:]
        return found


def log_sums(logits: Tensor) -> Tensor:
    """The logarithm of the sum of exponentials over the last dimension, in float32, without another table of the size.

    Example:
        >>> log_sums(torch.zeros(2, 3, 4)).exp().tolist()
        [[4.0, 4.0, 4.0], [4.0, 4.0, 4.0]]
    """
    rows = logits.reshape(-1, logits.shape[-1])
    parts = rows.split(max(1, SUMMED // rows.shape[1]))
    return torch.cat([part.float().logsumexp(-1) for part in parts]).view(logits.shape[:-1])


def _shortened(cache: DynamicCache, tokens: int) -> bool:
    """Take the last tokens off a cache; False if a layer has already dropped what it would need (a sliding window)."""
    if any(getattr(layer, "is_sliding", False) for layer in cache.layers):
        return False
    cache.crop(-tokens)
    return True
