"""`Follower`: another model that reads along while one generates, with its own prompts, keys and values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from penchant.generation.cached_forward import CachedForward

__all__ = ["Follower"]


class Follower:
    """Gives the next-token logits of another model for the rows of a call of ``generate``.

    Only the tokens of the response are shared; each model may have a prompt template of its own. One forward pass of
    one token a row for every step; rows that beam search reorders keep their keys and values, and rows that are not
    known are read anew. Use a new object for each call of ``generate``.

    Args:
        model: a causal language model of transformers.
        prompts: the prompts as this model receives them, one per prompt of ``generate``; its samples or beams share
            them.
        pad: fills shorter prompts on the left, masked.
        cached: whether keys and values are kept.
    """

    def __init__(self, model: Any, prompts: Sequence[Sequence[int]], pad: int = 0, *, cached: bool = True) -> None:
        self.model, self.prompts, self.pad, self.cached = model, [list(each) for each in prompts], pad, cached
        self.calls = 0
        self.start: int | None = None
        self._forward: CachedForward | None = None
        self._seen = torch.zeros(0, 0, dtype=torch.long)

    def __call__(self, ids: Tensor) -> Tensor:
        """The logits [R, V] after the responses in ``ids``.

        Args:
            ids: [R, L] prompts and responses of the generating model; R is a multiple of the number of prompts.
        """
        if self.start is None:
            self.start = ids.shape[1]
        response = ids[:, self.start :]
        parents = self._parents(response)
        if parents is None:
            logits = self._anew(response)
        else:
            assert self._forward is not None
            same = bool((parents == torch.arange(len(parents), device=parents.device)).all())
            logits = self._forward.advance(self._on_its_device(response[:, -1]), None if same else parents)
            self.calls += 1
        self._seen = response.clone()
        return logits.to(ids.device)

    def _parents(self, response: Tensor) -> Tensor | None:
        """For each row, the row that it extends by one token; None if there is none for all of them."""
        seen = self._seen
        if self._forward is None or len(seen) != len(response) or seen.shape[1] != response.shape[1] - 1:
            return None
        before = response[:, :-1]
        if torch.equal(seen, before):
            return torch.arange(len(response), device=self._forward.ids.device)
        owner = torch.arange(len(response), device=seen.device) // (len(response) // len(self.prompts))
        match = (before[:, None] == seen[None]).all(-1) & (owner[:, None] == owner[None])
        return match.int().argmax(-1).to(self._forward.ids.device) if bool(match.any(-1).all()) else None

    def _anew(self, response: Tensor) -> Tensor:
        """The logits after all of the responses, from the prompts on."""
        self._forward = CachedForward(self.model, self.prompts, self.pad, self.cached)
        self._forward.repeat(len(response) // len(self.prompts))
        self.calls += 1
        if response.shape[1]:
            self.calls += 1
            return self._forward.advance(self._on_its_device(response))[:, -1]
        return self._forward.logits

    def _on_its_device(self, ids: Tensor) -> Tensor:
        assert self._forward is not None
        return ids.to(self._forward.ids.device)
