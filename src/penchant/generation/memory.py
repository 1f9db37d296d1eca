"""`Memory`: keys and values of all that models have read, so that a beginning that comes again is not read again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from penchant.generation.runs import Run, Tally, agreeing, keeps_nothing, laid_out, run_of

__all__ = ["Lead", "Memory", "Stretch"]


@dataclass(frozen=True)
class Lead:
    """What is known of the first tokens of the prompts of a batch, padded on the left.

    Args:
        lengths: for each prompt how many tokens are known, fewer than it has.
        ids: [P, L] the tokens, and ``mask`` [P, L] which are no padding.
        cache: their keys and values, which generation may extend.
    """

    lengths: tuple[int, ...]
    ids: Tensor
    mask: Tensor
    cache: Any


@dataclass(eq=False)
class Stretch:
    """A node of a tree of texts: successive tokens with their keys and values, and what follows them.

    Args:
        ids: the tokens; none at the root.
        run: their keys and values.
        after: the stretches that follow, by their first tokens.

    Example:
        >>> root = Stretch()
        >>> for ids in ((5, 6, 7, 8), (5, 6, 9)):
        ...     root.add(ids, Run(len(ids), ()))
        >>> [run.length for run in root.known((5, 6, 9, 10))], [run.length for run in root.known((5, 6, 7))]
        ([2, 1], [2, 1])
    """

    ids: tuple[int, ...] = ()
    run: Run = field(default_factory=lambda: Run(0, ()), repr=False)
    after: dict[int, Stretch] = field(default_factory=dict, repr=False)

    def known(self, ids: Sequence[int]) -> list[Run]:
        """Keys and values of as many of the first tokens as are known.

        Args:
            ids: of a text.
        """
        found: list[Run] = []
        at, place = self, 0
        while place < len(ids) and (child := at.after.get(ids[place])) is not None:
            common = agreeing(child.ids, ids[place : place + len(child.ids)])
            found.append(child.run if common == len(child.ids) else child.run.first(common))
            if common < len(child.ids):
                break
            at, place = child, place + common
        return found

    def add(self, ids: Sequence[int], run: Run, start: int = 0) -> None:
        """Add a text; what is there already stays as it is.

        Args:
            ids: of the text.
            run: keys and values of its tokens from ``start`` on.
            start: number of its first tokens that are there already.
        """
        at, place = self, 0
        while place < len(ids):
            child = at.after.get(ids[place])
            if child is None:
                at.after[ids[place]] = Stretch(tuple(ids[place:]), run.after(place - start))
                return
            common = agreeing(child.ids, ids[place : place + len(child.ids)])
            if common < len(child.ids):
                child._divide(common)
            at, place = child, place + common

    def _divide(self, count: int) -> None:
        """Make the tokens after the first ones a stretch of their own, which follows."""
        lower = Stretch(self.ids[count:], self.run.after(count), self.after)
        self.ids, self.run, self.after = self.ids[:count], self.run.first(count), {lower.ids[0]: lower}


class Memory:
    """Keeps keys and values of all that `penchant.generation.generate` reads and writes, for the calls that follow.

    What is known of a prompt is found by its tokens, whatever it is the beginning of. It must not outlive a change of
    the weights.

    Args:
        wanted: whether anything is kept; else tokens are only counted.

    Attributes:
        tally: of all calls.
    """

    def __init__(self, wanted: bool = True) -> None:
        self.wanted, self.tally = wanted, Tally()
        self._roots: dict[int, tuple[Any, Stretch]] = {}

    def keeps(self, model: Any) -> bool:
        """Whether keys and values of a model are kept.

        Args:
            model: a causal language model of transformers.
        """
        return self.wanted and not keeps_nothing(model)

    def lead(self, model: Any, prompts: Sequence[Sequence[int]]) -> Lead | None:
        """What is known of prompts, the last token of each excepted; None where nothing is.

        Args:
            model: will read them.
            prompts: token ids, none empty.
        """
        if not self.keeps(model):
            return None
        root = self._root(model)
        runs = [root.known(each[:-1]) for each in prompts]
        lengths = tuple(sum(run.length for run in own) for own in runs)
        if not any(lengths):
            return None
        cache = DynamicCache(config=model.config)
        mask = laid_out(runs, cache, next(model.parameters()).device)
        ids = torch.zeros_like(mask)
        for row, (prompt, count) in enumerate(zip(prompts, lengths, strict=True)):
            ids[row, mask.shape[1] - count :] = torch.tensor(prompt[:count], dtype=torch.long)
        return Lead(lengths, ids, mask, cache)

    def keep(
        self,
        model: Any,
        prompts: Sequence[Sequence[int]],
        written: Sequence[Sequence[int]],
        lead: Lead | None,
        mask: Tensor,
        cache: Any,
    ) -> None:
        """Keep what a call has read and written, the last token of each response excepted, which nobody has read.

        Args:
            model: that has read it.
            prompts: of the call.
            written: the responses, those of a prompt one after the other.
            lead: what was known before.
            mask: [R, L] the tokens of the prompts, one row for each response.
            cache: of the call; None where it made no use of one that can be read.
        """
        samples = len(written) // len(prompts)
        known = (0,) * len(prompts) if lead is None else lead.lengths
        least = mask.shape[1] + max(map(len, written)) - 1
        readable = self.keeps(model) and isinstance(cache, DynamicCache) and cache.get_seq_length() >= least
        for row, tokens in enumerate(written):
            prompt, start = prompts[row // samples], known[row // samples]
            first = row % samples == 0
            self.tally.saved += start if first else 0
            self.tally.read += (len(prompt) - start if first or cache is None else 0) + len(tokens) - 1
            self.tally.sampled += len(tokens)
            if readable:
                whole, begun = [*prompt, *tokens[:-1]], start if first else len(prompt)
                own = mask[row].nonzero().squeeze(1)[begun:]
                more = torch.arange(mask.shape[1], mask.shape[1] + len(tokens) - 1, device=own.device)
                self._root(model).add(whole, run_of(cache, row, torch.cat([own, more])), begun)

    def _root(self, model: Any) -> Stretch:
        return self._roots.setdefault(id(model), (model, Stretch()))[1]
