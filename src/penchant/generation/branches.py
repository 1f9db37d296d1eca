"""`Branches`: continues many beginnings at once, and reads each token of a tree of beginnings once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from penchant.generation.runs import Run, Tally, agreeing, holds, keeps_nothing, laid_out, run_of
from penchant.likelihood.core import cache_name, cache_of, taken_by

__all__ = ["Branch", "Branches", "Reader"]


@dataclass(eq=False)
class Branch:
    """Tokens from the prompt on, and the keys and values of the first of them.

    Args:
        ids: the tokens.
        tally: counts what is read for it; branches of one tree share it.
        runs: keys and values; a branch shares those of the beginning with the branch that it continues.

    Example:
        >>> stem = Branch((5, 6, 7), Tally())
        >>> stem.grown([8]).ids, stem.beginning(2).ids, stem.known
        ((5, 6, 7, 8), (5, 6), 0)
    """

    ids: tuple[int, ...]
    tally: Tally
    runs: tuple[Run, ...] = field(default=(), repr=False)

    @property
    def known(self) -> int:
        """Number of tokens whose keys and values are kept."""
        return sum(run.length for run in self.runs)

    def grown(self, ids: Sequence[int]) -> Branch:
        """The branch with further tokens."""
        return Branch((*self.ids, *ids), self.tally, self.runs)

    def beginning(self, count: int) -> Branch:
        """The first tokens of the branch, with what is kept of them."""
        runs, left = [], count
        for run in self.runs:
            if left > 0:
                runs.append(run if run.length <= left else run.first(left))
                left -= runs[-1].length
        return Branch(self.ids[:count], self.tally, tuple(runs))

    def leading_to(self, ids: Sequence[int]) -> Branch:
        """These tokens as a branch that keeps what it has in common with this one, its last token excepted."""
        common = agreeing(self.ids, ids[:-1])
        return self.beginning(common).grown(ids[common:])


class Reader:
    """A model that reads branches.

    A model whose keys and values cannot be kept (another kind of state, a sliding window) reads every branch anew.

    Args:
        model: a causal language model of transformers, in evaluation mode.
        pad: fills shorter branches on the left, masked.

    Attributes:
        keeps: whether keys and values are kept.
    """

    def __init__(self, model: Any, pad: int = 0) -> None:
        self.model, self.pad = model, pad
        self.takes = taken_by(model)
        self.device = next(model.parameters()).device
        self.keeps = not keeps_nothing(model)

    def read(self, branches: Sequence[Branch]) -> Branches:
        """Read what is not known of the branches yet, and keep it with them.

        Args:
            branches: at least one; the last token of one that is known as a whole is read again.
        """
        return Branches(self, [each if each.known < len(each.ids) else each.leading_to(each.ids) for each in branches])


class Branches:
    """Branches side by side, each of which may be continued by one token at a time.

    Args:
        reader: the model.
        branches: at least one.

    Attributes:
        logits: [R, V] those after the last token of every row.
        tallies: who counts what is read for each row.
    """

    def __init__(self, reader: Reader, branches: Sequence[Branch]) -> None:
        self.reader, self.tallies = reader, [each.tally for each in branches]
        self.cache: Any = DynamicCache(config=reader.model.config) if reader.keeps else None
        known = [each.known if reader.keeps else 0 for each in branches]
        kept = [each.runs if reader.keeps else () for each in branches]
        self.mask = laid_out(kept, self.cache, reader.device)
        unread = [each.ids[count:] for each, count in zip(branches, known, strict=True)]
        for tally, count in zip(self.tallies, known, strict=True):
            tally.saved += count
        self.ids = torch.full(self.mask.shape, reader.pad, device=reader.device)
        self.logits = self._run(*self._right_aligned(unread))
        for row, (branch, own) in enumerate(zip(branches, unread, strict=True)):
            if reader.keeps:
                branch.runs = (*branch.runs, self.run(row, len(own)))

    def repeat(self, copies: int) -> Branches:
        """Every row ``copies`` times, one after the other."""
        if copies > 1:
            self.ids, self.mask, self.logits = (
                each.repeat_interleave(copies, 0) for each in (self.ids, self.mask, self.logits)
            )
            self.tallies = [each for each in self.tallies for _ in range(copies)]
            if self.cache is not None:
                self.cache.batch_repeat_interleave(copies)
        return self

    def select(self, rows: Sequence[int]) -> None:
        """Keep these rows alone."""
        chosen = torch.tensor(rows, device=self.reader.device)
        self.ids, self.mask, self.logits = self.ids[chosen], self.mask[chosen], self.logits[chosen]
        self.tallies = [self.tallies[row] for row in rows]
        if self.cache is not None:
            self.cache.batch_select_indices(chosen)

    def advance(self, tokens: Sequence[int]) -> Tensor:
        """The logits [R, V] after one more token in each row."""
        self.logits = self._run(*self._right_aligned([(each,) for each in tokens]))
        return self.logits

    def run(self, row: int, count: int) -> Run:
        """Keys and values of the last ``count`` tokens of a row; empty where none are kept."""
        if self.cache is None or count == 0:
            return Run(0, ())
        places = self.mask[row].nonzero().squeeze(1)[-count:]
        return run_of(self.cache, row, places)

    def _right_aligned(self, tokens: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        longest = max(map(len, tokens))
        padded = [[self.reader.pad] * (longest - len(each)) + list(each) for each in tokens]
        own = [[0] * (longest - len(each)) + [1] * len(each) for each in tokens]
        return torch.tensor(padded, device=self.reader.device), torch.tensor(own, device=self.reader.device)

    @torch.no_grad()
    def _run(self, tokens: Tensor, own: Tensor) -> Tensor:
        """The logits after the last of the tokens."""
        self.ids, self.mask = torch.cat([self.ids, tokens], 1), torch.cat([self.mask, own], 1)
        if self.cache is None:  # all of a row is read anew
            tokens, own = self.ids, self.mask
        for tally, count in zip(self.tallies, own.sum(-1).tolist(), strict=True):
            tally.read += count
        depth = (self.mask.cumsum(-1) - 1).clamp(min=0)[:, -tokens.shape[1] :]
        options = {"position_ids": depth, "logits_to_keep": 1}
        options = {name: value for name, value in options.items() if name in self.reader.takes}
        kept = {} if self.cache is None else {cache_name(self.reader.model): self.cache}
        output = self.reader.model(
            input_ids=tokens, attention_mask=self.mask, use_cache=self.cache is not None, **kept, **options
        )
        if self.cache is not None:
            self.cache = cache_of(output)
            if not holds(self.cache, self.mask.shape[1]):
                self.cache, self.reader.keeps = None, False
        found: Tensor = output.logits[:, -1]
        return found
