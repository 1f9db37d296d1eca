"""`SharedForward`: next-token logits of many continuations of each prompt, whose keys and values are kept once."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicLayer

from penchant.generation.cached_forward import CachedForward, log_sums
from penchant.likelihood.core import cache_name

__all__ = ["SharedForward", "forward_over"]

#: Largest difference of logits, as a share of the largest one, up to which both ways to compute them are the same.
SAME = {torch.float32: 1e-3, torch.float64: 1e-6}
_known: weakref.WeakKeyDictionary[Any, bool] = weakref.WeakKeyDictionary()


class SharedForward(CachedForward):
    """Runs a model over prompts and then over a tree of continuations of each, in one row a prompt.

    The tokens of all continuations of a prompt stand behind one another in its row; a mask lets each see the prompt and
    its own beginning. So a prompt's keys and values are neither repeated nor copied from step to step.

    Args:
        model: a causal language model that takes such a mask (`forward_over` finds out).
        prompts: token ids, none empty.
        pad: fills shorter prompts on the left, masked.
    """

    def __init__(self, model: Any, prompts: Sequence[Sequence[int]], pad: int = 0) -> None:
        super().__init__(model, prompts, pad)
        count, device = self.ids.shape[0], self.ids.device
        #: [R] the prompt of each row, in order, and the position of its next token.
        self.owner, self.next = torch.arange(count, device=device), self.mask.sum(1)
        #: [R, S] which tokens of its prompt's tree each row has read.
        self.seen = torch.zeros(count, 0, dtype=torch.bool, device=device)

    def advance(self, tokens: Tensor, parents: Tensor | None = None) -> Tensor:
        """See `CachedForward.advance`; the parents are in order of their prompts."""
        several = tokens.dim() == 2
        logits, owner, slots = self._grow(tokens if several else tokens[:, None], parents)
        full = slots.numel() == logits[..., 0].numel()  # without padding the order is that of the tokens already
        logits = logits.reshape(*slots.shape, -1) if full else logits[owner[:, None], slots]
        self.logits = logits[:, -1]
        return logits if several else self.logits

    def finish(self, tokens: Tensor, parents: Tensor, known: Tensor) -> Tensor:
        """See `CachedForward.finish`; the parents are in order of their prompts."""
        logits, owner, slots = self._grow(tokens, parents)
        places = owner[:, None] * logits.shape[1] + slots
        flat = logits.flatten(0, 1)
        return flat[places, known].float() - log_sums(flat)[places]

    def _grow(self, added: Tensor, parents: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Read tokens [A, T]: logits [P, W, V], and where those of the tokens are, [A] row and [A, T] column."""
        rows = torch.arange(len(added), device=added.device) if parents is None else parents
        owner, seen, start = self.owner[rows], self.seen[rows], self.next[rows]
        length, device = added.shape[1], added.device
        counts = torch.bincount(owner, minlength=self.ids.shape[0])
        place = torch.arange(len(owner), device=device) - (counts.cumsum(0) - counts)[owner]
        width = int(counts.max()) * length
        slots = place[:, None] * length + torch.arange(length, device=device)  # [A, T] in the row of the prompt
        ids = added.new_zeros(len(counts), width)
        depth, sees = torch.zeros_like(ids), seen.new_zeros(len(counts), width, seen.shape[1] + width)
        ids[owner[:, None], slots] = added
        depth[owner[:, None], slots] = start[:, None] + torch.arange(length, device=device)
        own = torch.zeros(len(owner), length, width, dtype=torch.bool, device=device)
        for token in range(length):
            own[:, token:].scatter_(2, slots[:, token, None, None].expand(-1, length - token, 1), True)
        sees[owner[:, None], slots] = torch.cat([seen[:, None].expand(-1, length, -1), own], 2)
        self.owner, self.next = owner, start + length
        self.seen = torch.cat([seen, own[:, -1]], 1)
        return self._read(ids, depth, sees), owner, slots

    def _read(self, ids: Tensor, depth: Tensor, sees: Tensor) -> Tensor:
        """The logits [P, W, V] of tokens at their positions, which see their prompt and what ``sees`` says."""
        self.calls += 1
        prompt = self.mask.bool()[:, None].expand(-1, ids.shape[1], -1)
        dtype = next(self.model.parameters()).dtype
        mask = torch.cat([prompt, sees], 2)[:, None]
        closed = torch.zeros(mask.shape, dtype=dtype, device=ids.device).masked_fill_(~mask, torch.finfo(dtype).min)
        output = self.model(
            input_ids=ids,
            attention_mask=closed,
            position_ids=depth,
            use_cache=True,
            **{cache_name(self.model): self.cache},
        )
        found: Tensor = output.logits
        return found


def forward_over(model: Any, prompts: Sequence[Sequence[int]], pad: int = 0, cached: bool = True) -> CachedForward:
    """A `SharedForward` where the model gives the same logits with it, else a `CachedForward`.

    Args:
        model: a causal language model of transformers, in the mode in which it is to be used.
        prompts: token ids, none empty.
        pad: fills shorter prompts on the left, masked.
        cached: whether keys and values are kept.
    """
    if not cached:
        return CachedForward(model, prompts, pad, cached)
    if model not in _known:
        _known[model] = _shares(model)
    return SharedForward(model, prompts, pad) if _known[model] else CachedForward(model, prompts, pad)


@torch.no_grad()
def _shares(model: Any) -> bool:
    """Whether the model reads a tree of tokens as it reads each of its branches alone."""
    plain = CachedForward(model, [[1, 2, 1], [2]])
    layers = [] if plain.cache is None else plain.cache.layers
    ordinary = bool(layers) and all(isinstance(each, DynamicLayer) and not each.is_sliding for each in layers)
    if not ordinary or "position_ids" not in plain.takes:
        return False
    if getattr(model.config, "_attn_implementation", None) not in ("sdpa", "eager"):
        return False
    shared = SharedForward(model, [[1, 2, 1], [2]])
    for tokens, parents in (([2, 1, 0], [0, 0, 1]), ([[1, 0], [2, 2], [0, 1], [2, 1]], [0, 1, 1, 2])):
        step = torch.tensor(tokens, device=plain.ids.device), torch.tensor(parents, device=plain.ids.device)
        first, second = plain.advance(*step).float(), shared.advance(*step).float()
        bound = SAME.get(plain.logits.dtype, 0.05) * float(first.abs().max())
        if float((first - second).abs().max()) > bound:
            return False
    return True
