"""Log-probabilities and statistics of tokens from hidden states, in chunks instead of with all logits in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

from penchant.errors import ConfigurationError, nearest
from penchant.likelihood.few_shapes import few_rows

__all__ = ["STATISTICS", "Head", "Rows", "token_statistics"]

STATISTICS = frozenset({"entropy", "kl", "max_p", "sum_p2"})

# Above WHOLE_BYTES of float32 logits, the head runs in chunks of CHUNK_BYTES that are recomputed in backward.
CHUNK_BYTES = 64 * 2**20
WHOLE_BYTES = 256 * 2**20

Head = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Rows:
    """Hidden states at K positions with the output head: distributions over the vocabulary, not computed yet.

    Args:
        hidden: [K, D] hidden states.
        head: maps hidden states to logits [K, V].
    """

    hidden: Tensor
    head: Head

    def part(self, places: slice) -> Rows:
        """The rows of a slice of positions."""
        return Rows(self.hidden[places], self.head)


class _TargetLogProb(torch.autograd.Function):
    """log softmax at one id per row; saves one [K, V] float32 buffer for backward instead of three."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, ids: Tensor) -> Tensor:
        log_probs = torch.log_softmax(logits, dim=-1, dtype=torch.float32)
        ctx.save_for_backward(log_probs, ids)
        ctx.logits_dtype = logits.dtype
        return log_probs.gather(-1, ids[:, None]).squeeze(-1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        log_probs, ids = ctx.saved_tensors
        upstream = gradients[0][:, None]
        result = log_probs.exp().mul_(-upstream)
        result.scatter_add_(-1, ids[:, None], upstream)
        return result.to(ctx.logits_dtype), None


def token_statistics(
    rows: Rows,
    ids: Tensor,
    stats: Iterable[str] = (),
    other: Rows | None = None,
    chunk_rows: int | None = None,
    vocabulary: int | None = None,
) -> dict[str, Tensor]:
    """Log-probabilities of K tokens, with optional statistics of the full distribution, in one pass.

    Args:
        rows: the rows that predict the tokens.
        ids: [K] the tokens.
        stats: any of ``entropy`` (nats), ``kl`` (KL(rows ‖ other) over the vocabulary, nats), ``sum_p2`` (sum of
            squared probabilities), ``max_p`` (probability of the most likely token).
        other: rows of another model for the same tokens; required for ``kl``, and computed without gradient.
        chunk_rows: rows per chunk; chosen by size by default (0 disables chunking).
        vocabulary: V, used to choose the chunk size; measured on one row by default.

    Returns:
        ``logps`` and each statistic, all [K] float32.

    Raises:
        ConfigurationError: a statistic is unknown, or ``kl`` is requested without ``other``.
    """
    wanted = _known(stats, other)
    size = chunk_rows if chunk_rows is not None else _chunk_rows(rows, vocabulary)
    if size == 0 or size >= len(ids):
        return _statistics(rows, ids, wanted, other)
    return _in_chunks(rows, ids, wanted, other, size)


def _in_chunks(rows: Rows, ids: Tensor, wanted: tuple[str, ...], other: Rows | None, size: int) -> dict[str, Tensor]:
    pieces = []
    for start in range(0, len(ids), size):
        part = slice(start, start + size)
        arguments = (rows.part(part), ids[part], wanted, None if other is None else other.part(part))
        if torch.is_grad_enabled():
            pieces.append(checkpoint(_statistics, *arguments, use_reentrant=False))
        else:
            pieces.append(_statistics(*arguments))
    return {name: torch.cat([piece[name] for piece in pieces]) for name in pieces[0]}


def _known(stats: Iterable[str], other: Rows | None) -> tuple[str, ...]:
    wanted = tuple(sorted(stats))
    for name in wanted:
        if name not in STATISTICS:
            raise ConfigurationError(f"There is no token statistic {name!r}.", fix=nearest(name, STATISTICS))
    if "kl" in wanted and other is None:
        raise ConfigurationError(
            "The KL over the vocabulary needs the full distribution of the reference, which this reference lacks.",
            fix="Use reference=initial; the cache has one log-probability per token.",
        )
    return wanted


def _chunk_rows(rows: Rows, vocabulary: int | None) -> int:
    """Rows per chunk, or 0 if all logits fit in memory."""
    if vocabulary is None:
        with torch.no_grad():
            vocabulary = rows.head(rows.hidden[:1]).shape[-1]
    if rows.hidden.shape[0] * vocabulary * 4 <= WHOLE_BYTES:
        return 0
    return max(1, CHUNK_BYTES // (vocabulary * 4))


def _logits(rows: Rows) -> Tensor:
    """[K, V]."""
    return rows.head(few_rows(rows.hidden))[: len(rows.hidden)]


def _statistics(rows: Rows, ids: Tensor, wanted: tuple[str, ...], other: Rows | None) -> dict[str, Tensor]:
    logits = _logits(rows)
    if not wanted:
        return {"logps": _TargetLogProb.apply(logits, ids)}
    log_probs = torch.log_softmax(logits, dim=-1, dtype=torch.float32)
    probs = log_probs.exp()
    result = {"logps": log_probs.gather(-1, ids[:, None]).squeeze(-1)}
    if "entropy" in wanted:
        result["entropy"] = -(probs * log_probs).sum(-1)
    if "sum_p2" in wanted:
        result["sum_p2"] = (probs * probs).sum(-1)
    if "max_p" in wanted:
        result["max_p"] = probs.amax(-1)
    if "kl" in wanted:
        assert other is not None
        with torch.no_grad():
            other_log_probs = torch.log_softmax(_logits(other), dim=-1, dtype=torch.float32)
        result["kl"] = (probs * (log_probs - other_log_probs)).sum(-1)
    return result
