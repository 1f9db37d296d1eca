"""From hidden states to log-probabilities of tokens, without ever holding the logits of a whole batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

from penchant.errors import ConfigurationError, nearest

__all__ = ["STATISTICS", "Head", "Rows", "token_statistics"]

STATISTICS = frozenset({"entropy", "kl", "max_p", "sum_p2"})

# Above this many bytes of float32 logits the head runs in chunks that are recomputed in backward.
CHUNK_BYTES = 64 * 2**20
WHOLE_BYTES = 256 * 2**20

Head = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Rows:
    """K places of a model that each predict one token: a distribution over the vocabulary that is not computed yet.

    Args:
        hidden: [K, D] hidden states.
        head: hidden states to logits [K, V].
    """

    hidden: Tensor
    head: Head

    def part(self, places: slice) -> Rows:
        """Some of the places."""
        return Rows(self.hidden[places], self.head)


class _TargetLogProb(torch.autograd.Function):
    """log softmax at one id a row; keeps one [K, V] float32 buffer for backward instead of three."""

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
    """Log-probabilities of K tokens, with optional statistics of the whole distribution, in one pass.

    Args:
        rows: what predicts the tokens.
        ids: [K] the tokens.
        stats: any of ``entropy`` (nats), ``kl`` (KL from these rows' distribution to the other's over the vocabulary,
            nats), ``sum_p2`` (sum of squared probabilities), ``max_p`` (probability of the likeliest token).
        other: another model's rows for the same tokens; needed for ``kl``, and computed without gradient.
        chunk_rows: rows a chunk; chosen by size where absent (0 means never chunk).
        vocabulary: V, to choose the chunk; measured on one row where absent.

    Returns:
        ``logps`` and each statistic, all [K] float32.

    Raises:
        ConfigurationError: an unknown statistic, or ``kl`` without the other rows.
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
            "The KL over the vocabulary needs the reference's whole distribution, which this reference does not give.",
            fix="Use reference=initial; cached log-probabilities hold one number a token.",
        )
    return wanted


def _chunk_rows(rows: Rows, vocabulary: int | None) -> int:
    """0 where all logits fit comfortably, else how many rows a chunk may have."""
    if vocabulary is None:
        with torch.no_grad():
            vocabulary = rows.head(rows.hidden[:1]).shape[-1]
    if rows.hidden.shape[0] * vocabulary * 4 <= WHOLE_BYTES:
        return 0
    return max(1, CHUNK_BYTES // (vocabulary * 4))


def _statistics(rows: Rows, ids: Tensor, wanted: tuple[str, ...], other: Rows | None) -> dict[str, Tensor]:
    logits = rows.head(rows.hidden)
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
            other_log_probs = torch.log_softmax(other.head(other.hidden), dim=-1, dtype=torch.float32)
        result["kl"] = (probs * (log_probs - other_log_probs)).sum(-1)
    return result
