"""Log-probabilities and statistics of tokens from hidden states, in chunks instead of with all logits in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

from penchant.errors import ConfigurationError
from penchant.likelihood.few_shapes import few_rows, keeps_shapes
from penchant.likelihood.inside.head_tiles import TILE_ROWS, OtherLogits, write_logits
from penchant.likelihood.inside.linear_head import Linear, LinearPass, OutputHead
from penchant.likelihood.inside.reading import Order, Reading
from penchant.objectives.core.token_statistic import STATISTICS, TokenStatistic, find_statistics

__all__ = ["REFERENCE_LOGPS", "Head", "Rows", "Temperature", "mean_logits", "token_statistics"]

#: The key of the reference's log-probabilities among the results, where its distribution was computed.
REFERENCE_LOGPS = "reference_logps"
# The statistic that `LinearPass` computes.
DIVERGENCE = STATISTICS["reference_kl"]

# Above WHOLE_BYTES of float32 logits, the head runs in chunks of CHUNK_BYTES that are recomputed in backward.
CHUNK_BYTES = 64 * 2**20
WHOLE_BYTES = 256 * 2**20

Head = Callable[[Tensor], Tensor]


class Temperature(NamedTuple):
    """How logits are divided by a temperature: in the hidden states where the head is linear, which costs nothing.

    Args:
        hidden: divides the hidden states.
        logits: divides the logits.

    Example:
        >>> Temperature.of(0.5, lambda hidden: 3 * hidden, torch.ones(1, 2))
        Temperature(hidden=0.5, logits=1.0)
        >>> Temperature.of(0.5, torch.tanh, torch.ones(1, 2))
        Temperature(hidden=1.0, logits=0.5)
    """

    hidden: float = 1.0
    logits: float = 1.0

    @classmethod
    def of(cls, value: float, head: Head | None, sample: Tensor) -> Temperature:
        """The cheaper way for a head; a factor of two passes through one that is linear without rounding.

        Args:
            value: the temperature.
            head: the output head; None where rows are logits already.
            sample: [1, D] hidden states to try it on.
        """
        if value == 1 or head is None:
            return cls(value)
        with torch.no_grad():
            return cls(value) if torch.equal(head(2 * sample), 2 * head(sample)) else cls(1.0, value)

    def rows(self, hidden: Tensor, head: Head) -> Rows:
        """The distributions at this temperature."""
        return Rows(hidden if self.hidden == 1 else hidden / self.hidden, head, self.logits)


@dataclass(frozen=True)
class Rows:
    """Hidden states at K positions with the output head: distributions over the vocabulary, not computed yet.

    Args:
        hidden: [K, D] hidden states.
        head: maps hidden states to logits [K, V].
        temperature: divides the logits.
    """

    hidden: Tensor
    head: Head
    temperature: float = 1.0

    def part(self, places: slice | Tensor) -> Rows:
        """The rows of some positions."""
        return Rows(self.hidden[places], self.head, self.temperature)


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
    stats: Iterable[str | TokenStatistic] = (),
    other: Rows | None = None,
    chunk_rows: int | None = None,
    vocabulary: int | None = None,
    places: Tensor | None = None,
    reading: Reading | None = None,
) -> dict[str, Tensor]:
    """Log-probabilities of K tokens, with optional statistics of the full distribution, in one pass.

    Args:
        rows: the rows that predict the tokens.
        ids: [K] the tokens.
        stats: names of `penchant.objectives.core.token_statistic.STATISTICS` (``entropy``, ``kl``, ``reference_kl``,
            ``sum_p2``, ``max_p``), or statistics that an objective defines.
        other: rows of another model for the same tokens; required for statistics that read the reference's
            distribution, and computed without gradient.
        chunk_rows: rows per chunk; chosen by size by default (0 disables chunking).
        vocabulary: V, used to choose the chunk size; measured on one row by default.
        places: [K] the position of each token in its sequence, for statistics that read it.
        reading: whose statistics are wanted; None for all. The other tokens have 0 there, and their
            log-probabilities.

    Returns:
        ``logps`` and each statistic by its key, all [K] float32; with a statistic that reads the reference's
        distribution, also `REFERENCE_LOGPS`.

    Raises:
        ConfigurationError: a statistic is unknown, or reads the reference's distribution and there is no ``other``.
    """
    wanted = find_statistics(stats)
    compared = any(each.reference for each in wanted)
    if compared and other is None:
        raise ConfigurationError(
            "The KL over the vocabulary needs the full distribution of the reference, which this reference lacks.",
            fix="Use reference=initial; the cache has one log-probability per token.",
        )
    asked = _Asked(rows, ids, tuple(wanted), other if compared else None, places)
    size = chunk_rows if chunk_rows is not None else _chunk_rows(rows, vocabulary)
    linear = _linear_of(rows)
    if linear is not None and len(ids) and set(wanted) <= {DIVERGENCE}:
        order = (reading if wanted and reading else Reading()).order(len(ids))
        return _linear_pass(asked, linear, size or len(ids), chunk_rows is None, order)
    measured = None if reading is None else reading.measured
    if measured is not None and wanted and not measured.all():
        return _some_measured(asked, measured, chunk_rows, vocabulary)
    if size == 0 or size >= len(ids):
        return asked.compute()
    parts = (asked.part(slice(start, start + size)) for start in range(0, len(ids), size))
    # Each chunk's tables are recomputed in backward.
    pieces = (
        [checkpoint(part.compute, use_reentrant=False) for part in parts]
        if torch.is_grad_enabled()
        else [part.compute() for part in parts]
    )
    return {name: torch.cat([piece[name] for piece in pieces]) for name in pieces[0]}


@dataclass(frozen=True)
class _Asked:
    """What is asked of some positions."""

    rows: Rows
    ids: Tensor
    wanted: tuple[TokenStatistic, ...]
    other: Rows | None
    places: Tensor | None = None

    def part(self, places: slice | Tensor) -> _Asked:
        """The same of some positions."""
        other = None if self.other is None else self.other.part(places)
        own = None if self.places is None else self.places[places]
        return _Asked(self.rows.part(places), self.ids[places], self.wanted, other, own)

    def compute(self) -> dict[str, Tensor]:
        """Log-probabilities and statistics, [K] each."""
        logits = _logits(self.rows)
        if not self.wanted:
            return {"logps": _TargetLogProb.apply(logits, self.ids)}
        log_probs = torch.log_softmax(logits, dim=-1, dtype=torch.float32)
        reference = self._reference(log_probs.shape[-1])
        result = {"logps": log_probs.gather(-1, self.ids[:, None]).squeeze(-1)}
        if reference is not None:
            result[REFERENCE_LOGPS] = reference.gather(-1, self.ids[:, None]).squeeze(-1)
        return result | {str(each): each(log_probs, self.ids, reference, self.places) for each in self.wanted}

    def _reference(self, vocabulary: int) -> Tensor | None:
        if self.other is None:
            return None
        with torch.no_grad():
            found = torch.log_softmax(_logits(self.other), dim=-1, dtype=torch.float32)
        _check_same_size(vocabulary, found.shape[-1])
        return found


def _some_measured(
    asked: _Asked, measured: Tensor, chunk_rows: int | None, vocabulary: int | None
) -> dict[str, Tensor]:
    """Statistics of the measured tokens, and log-probabilities alone of the others."""
    measure = partial(token_statistics, chunk_rows=chunk_rows, vocabulary=vocabulary)
    one, rest = measured.nonzero().squeeze(-1), (~measured).nonzero().squeeze(-1)
    given, others = asked.part(one), asked.part(rest)
    first = measure(given.rows, given.ids, given.wanted, given.other, places=given.places)
    second = measure(others.rows, others.ids)
    if others.other is not None:
        with torch.no_grad():
            second[REFERENCE_LOGPS] = measure(others.other, others.ids)["logps"]
    back = torch.cat([one, rest]).argsort()
    zeros = asked.rows.hidden.new_zeros(len(rest), dtype=torch.float32)
    return {name: torch.cat([values, second.get(name, zeros)])[back] for name, values in first.items()}


def _check_same_size(policy: int, reference: int) -> None:
    if reference != policy:
        raise ConfigurationError(
            f"The policy predicts {policy} tokens, the reference {reference}; a divergence over the vocabulary "
            "compares them token by token.",
            where="reference",
            fix="Use a reference with an output layer of the same size, such as reference=initial.",
        )


def _linear_of(rows: Rows) -> Linear | None:
    """The head as weights, if it has the closed form and products with it keep no memory of their shape."""
    if not isinstance(rows.head, OutputHead) or rows.temperature != 1 or keeps_shapes(rows.hidden):
        return None
    return rows.head.linear()


def _linear_pass(asked: _Asked, linear: Linear, size: int, chosen: bool, order: Order) -> dict[str, Tensor]:
    """What is asked, of a linear head, in chunks of a size that was chosen here, or told.

    Tokens whose divergence is not read stand last, so that whole chunks do without it.
    """
    if order.places is None:
        return _linear_in_order(asked, linear, size, chosen, order)
    found, back = _linear_in_order(asked.part(order.places), linear, size, chosen, order), order.places.argsort()
    return {name: values[back] for name, values in found.items()}


def _linear_in_order(asked: _Asked, linear: Linear, size: int, chosen: bool, order: Order) -> dict[str, Tensor]:
    """The same of tokens that stand in the order, with 0 for divergences that are not read."""
    hidden, weight, bias = _as_computed(asked.rows.hidden, linear)
    if not torch.is_grad_enabled():
        hidden, weight = hidden.detach(), weight.detach()
        bias = None if bias is None else bias.detach()
    reference = None
    if asked.other is not None:
        reference = _reference_logits(asked.other, len(weight))
    keep = len(asked.ids) <= size
    if chosen and not hidden.is_cuda:
        columns = reference is None or reference.by_columns
        # Of few columns, whatever the vocabulary is; where rows are whole, in chunks whose other tables are small.
        size = TILE_ROWS if columns else min(size, max(1, CHUNK_BYTES // (4 * len(weight))))
    values = LinearPass.apply(hidden, weight, bias, asked.ids, reference, size, keep, order)
    found = dict(zip(("logps", str(DIVERGENCE), REFERENCE_LOGPS), values, strict=False))
    if order.measured < len(asked.ids):
        read = torch.arange(len(asked.ids), device=asked.ids.device) < order.measured
        found[str(DIVERGENCE)] = torch.where(read, found[str(DIVERGENCE)], 0.0)
    return found


def _as_computed(hidden: Tensor, linear: Linear) -> tuple[Tensor, Tensor, Tensor | None]:
    """Hidden states, multiplied by the factor, with weights and bias, in the number type of the product."""
    kind = hidden.device.type
    computed = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else linear.weight.dtype
    scaled = hidden if linear.factor == 1 else hidden * linear.factor
    return scaled.to(computed), linear.weight.to(computed), None if linear.bias is None else linear.bias.to(computed)


def _reference_logits(other: Rows, vocabulary: int) -> OtherLogits:
    """Writes the reference's logits, under the autocast of now, whenever it is called."""
    kind = other.hidden.device.type
    on, number = torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)
    linear = _linear_of(other)
    if linear is not None:
        _check_same_size(vocabulary, len(linear.weight))
        with torch.no_grad():
            hidden, weight, bias = _as_computed(other.hidden, linear)

    def write(places: slice | Tensor, columns: slice, table: Tensor) -> Tensor:
        with torch.no_grad(), torch.autocast(kind, number, enabled=on):
            if linear is not None:
                some = None if bias is None else bias[columns]
                return write_logits(hidden[places], weight.detach()[columns], some, table)
            logits = _logits(other.part(places))
            _check_same_size(vocabulary, logits.shape[-1])
            return table.copy_(logits[:, columns])

    return OtherLogits(write, by_columns=linear is not None)


def mean_logits(rows: Rows, chunk_rows: int | None = None) -> Tensor:
    """The mean logit over the vocabulary at K positions, [K] float32, without gradient.

    A linear head gives it from the mean of its weights, any other in chunks.

    Args:
        rows: the rows.
        chunk_rows: rows per chunk; chosen by size by default (0 disables chunking).
    """
    with torch.no_grad():
        if (linear := _linear_of(rows)) is not None:
            means = linear.factor * (rows.hidden.float() @ linear.weight.float().mean(0))
            return means if linear.bias is None else means + linear.bias.float().mean()
        size = (_chunk_rows(rows, None) if chunk_rows is None else chunk_rows) or len(rows.hidden)
        starts = range(0, len(rows.hidden), max(size, 1))
        return torch.cat([_logits(rows.part(slice(at, at + size))).float().mean(-1) for at in starts])


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
    logits = rows.head(few_rows(rows.hidden))[: len(rows.hidden)]
    return logits if rows.temperature == 1 else logits.float() / rows.temperature
