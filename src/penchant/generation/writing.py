"""`write_rows`: continue rows of tokens until all have ended, and leave ended rows out of the next steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from penchant.generation.cached_forward import CachedForward
from penchant.generation.trace import Trace

__all__ = ["Choice", "Likeliest", "write_responses", "write_rows"]


class Choice(Protocol):
    """Chooses the next token of rows."""

    def tokens(self, scores: Tensor, rows: Sequence[int]) -> Tensor:
        """[A] token ids, for scores [A, V] of the rows with these numbers."""
        ...


class Likeliest:
    """Greedy decoding: the likeliest token.

    Example:
        >>> Likeliest().tokens(torch.tensor([[0.1, 2.0, 0.3]]), [0]).tolist()
        [1]
    """

    def tokens(self, scores: Tensor, rows: Sequence[int]) -> Tensor:
        """See `Choice`."""
        return scores.argmax(-1)


def write_rows(
    forward: CachedForward,
    choice: Choice,
    ended: Callable[[list[int]], bool],
    limit: int,
    watch: Callable[[Tensor, Tensor], Any] | None = None,
    watched: int = 0,
) -> list[list[int]]:
    """Continue every row until it ends.

    Args:
        forward: has read the prompts; a row is a continuation.
        choice: of the next tokens.
        ended: whether a continuation is over, given its tokens so far.
        limit: maximum tokens of a continuation.
        watch: sees the tokens so far and the logits [A, V] after them at each step, before a token is chosen.
        watched: how many of the first rows it looks at; those stay until all rows have ended.

    Returns:
        The tokens of each row, with the one that ended it.
    """
    live = list(range(len(forward.ids)))
    open_, written = set(live), [list[int]() for _ in live]
    for step in range(limit):
        if watch is not None:
            watch(forward.ids, forward.logits)
        tokens = choice.tokens(forward.logits, live)
        for row, token in zip(live, tokens.tolist(), strict=True):
            if row in open_:
                written[row].append(token)
                if ended(written[row]):
                    open_.discard(row)
        if not open_ or step + 1 == limit:
            break
        kept = [at for at, row in enumerate(live) if row in open_ or row < watched]
        if len(kept) < len(live):
            live = [live[at] for at in kept]
            places = torch.tensor(kept, device=tokens.device)
            forward.advance(tokens[places], places)
        else:
            forward.advance(tokens)
    return written


def write_responses(
    model: Any,
    prompts: Sequence[Sequence[int]],
    *,
    samples: int,
    pad: int,
    choice: Choice,
    ended: Callable[[list[int]], bool],
    limit: int,
    trace: Trace | None,
) -> list[list[int]] | None:
    """``samples`` continuations of each prompt; None if the model's state is not one whose rows can be chosen.

    Args:
        model: a causal language model of transformers, in the mode in which it is to be used.
        prompts: token ids, none empty.
        samples: rows of a prompt, one after the other.
        pad: fills shorter prompts on the left, masked.
        choice: of the next tokens.
        ended: see `write_rows`.
        limit: maximum tokens of a continuation.
        trace: records log-probabilities of the first rows.
    """
    if getattr(model, "_is_stateful", False):
        return None
    forward = CachedForward(model, prompts, pad)
    if forward.cache is None:
        return None
    return write_rows(forward.repeat(samples), choice, ended, limit, trace, 0 if trace is None else trace.rows)
