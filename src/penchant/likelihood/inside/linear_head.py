"""The output head as one linear layer: log-probabilities and the divergence from the reference, without needless work.

For a linear head, the gradients of log π(y) and of KL(π_ref ‖ π) have a closed form in the two distributions, so that
no table of [K, V] numbers is kept for backward, and those of a chunk reuse the memory of the one before:

    ∂ log π(y) / ∂ logits = 1_y − π          ∂ KL(π_ref ‖ π) / ∂ logits = π − π_ref
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.utils.parametrize import is_parametrized

__all__ = ["Linear", "LinearPass", "Logits", "OutputHead"]

#: Writes the logits of a slice of positions into a float32 table.
Logits = Callable[[slice, Tensor], Tensor]

# Tables are gone over in blocks of this size on a CPU, which stay in its caches from one operation to the next.
BLOCK_BYTES = 2**20


@dataclass(frozen=True)
class Linear:
    """logits = factor · hidden · weightᵀ + bias.

    Args:
        weight: [V, D].
        bias: [V], or None.
        factor: by which the logits are multiplied; 1 where there is a bias.
    """

    weight: Tensor
    bias: Tensor | None
    factor: float


@dataclass(frozen=True)
class OutputHead:
    """The output layer of a model and what follows it.

    Args:
        output: the layer, [..., D] to [..., V].
        factor: of the logits, or None.
        divisor: of the logits, or None.
        cap: bound of the logits, cap · tanh(logits / cap), or None.
    """

    output: nn.Module
    factor: float | None = None
    divisor: float | None = None
    cap: float | None = None

    def __call__(self, hidden: Tensor) -> Tensor:
        """The logits of hidden states."""
        logits: Tensor = self.output(hidden)
        if self.divisor is not None:
            logits = logits / self.divisor
        if self.factor is not None:
            logits = logits * self.factor
        return logits if self.cap is None else self.cap * torch.tanh(logits / self.cap)

    def linear(self) -> Linear | None:
        """The head as weights, or None if it is more than a linear layer, or somebody watches its calls."""
        layer = self.output
        watched = layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks
        # The head of a frozen copy may hold its weight in another number type.
        kind = type(layer).__base__ if is_parametrized(layer) else type(layer)
        if kind is not nn.Linear or self.cap is not None or watched:
            return None
        weight: Tensor = layer.weight  # type: ignore[assignment]
        factor = (self.factor or 1.0) / (self.divisor or 1.0)
        if type(weight) not in (nn.Parameter, Tensor) or (layer.bias is not None and factor != 1):
            return None
        return Linear(weight, layer.bias, factor)  # type: ignore[arg-type]


@dataclass
class _Tables:
    """Memory for the tables of one chunk, [rows, V] float32 each, used again for the next chunk.

    Args:
        rows: of the largest chunk.
        like: a tensor on the device.
        vocabulary: V.
    """

    rows: int
    like: Tensor
    vocabulary: int
    made: dict[str, Tensor] = field(default_factory=dict)

    def __call__(self, name: str, rows: int) -> Tensor:
        if name not in self.made:
            self.made[name] = self.like.new_empty(self.rows, self.vocabulary, dtype=torch.float32)
        return self.made[name][:rows]


class LinearPass(torch.autograd.Function):
    """log π(y), log π_ref(y) and KL(π_ref ‖ π) at K positions, from hidden states.

    A chunk's logits are computed again in backward, those of the reference only where the divergence has a gradient.
    With one chunk the distributions are kept instead, and with a frozen head their products with its weights.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        ids: Tensor,
        reference: Logits | None,
        size: int,
    ) -> tuple[Tensor, ...]:
        """The values, [K] float32 each: one without a reference, three with.

        Args:
            ctx: of autograd.
            hidden: [K, D], in the number type of the product.
            weight: [V, D], of the same type.
            bias: [V], or None.
            ids: [K] the tokens.
            reference: the reference's logits, computed without gradient, or None.
            size: rows per chunk.
        """
        pass_ = _Chunked(hidden, weight, bias, ids, reference, size)
        trains, frozen = ctx.needs_input_grad[0], not any(ctx.needs_input_grad[1:3])
        kept: list[list[Tensor]] = []
        values = []
        for places in pass_.places():
            value, tables = pass_.values(places)
            values.append(value)
            if trains and frozen:
                kept.append([pass_.product(each) for each in tables])
            elif not frozen and len(ids) <= size:
                kept.append(tables)
        own = (
            [] if not kept else [torch.cat(parts) if len(parts) > 1 else parts[0] for parts in zip(*kept, strict=True)]
        )
        ctx.save_for_backward(hidden, weight, bias, ids, *own)
        ctx.pass_, ctx.products = (reference, size), trains and frozen
        ctx.set_materialize_grads(False)
        return tuple(torch.cat(parts) for parts in zip(*values, strict=True))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor | None) -> tuple[Tensor | None, ...]:
        """Gradients of hidden states, weights and bias."""
        hidden, weight, bias, ids, *own = ctx.saved_tensors
        logps = upstream[0] if upstream[0] is not None else hidden.new_zeros(len(ids), dtype=torch.float32)
        divergence = upstream[1] if len(upstream) > 1 else None
        pass_ = _Chunked(hidden, weight, bias, ids, *ctx.pass_)
        if ctx.products:
            return pass_.from_products(logps, divergence, *own), None, None, None, None, None
        return (*pass_.gradients(logps, divergence, own, ctx.needs_input_grad), None, None, None)


class _Chunked:
    """The work of `LinearPass` on the chunks of its positions."""

    def __init__(
        self, hidden: Tensor, weight: Tensor, bias: Tensor | None, ids: Tensor, reference: Logits | None, size: int
    ) -> None:
        self.hidden, self.weight, self.bias, self.ids, self.reference = hidden, weight, bias, ids, reference
        self.size = max(1, min(size, len(ids)))
        self.tables = _Tables(self.size, hidden, len(weight))

    def places(self) -> Iterator[slice]:
        """The chunks."""
        yield from (slice(at, min(at + self.size, len(self.ids))) for at in range(0, len(self.ids), self.size))

    def values(self, places: slice) -> tuple[list[Tensor], list[Tensor]]:
        """The values of a chunk, and its distributions in tables."""
        ids = self.ids[places, None]
        logits, table = self._logits(places), self.tables("policy", len(ids))
        found = [logits.new_empty(len(ids)) for _ in range(1 if self.reference is None else 3)]
        if self.reference is None:
            for block in _blocks(logits):
                torch.softmax(logits[block], -1, out=table[block])
                found[0][block] = (
                    logits[block].gather(-1, ids[block]) - _log_sum(logits[block], table[block])
                ).squeeze(-1)
            return found, [table]
        other = self.reference(places, self.tables("reference logits", len(ids)))
        second = self.tables("reference", len(ids))
        for block in _blocks(logits):
            p, q = (
                torch.softmax(logits[block], -1, out=table[block]),
                torch.softmax(other[block], -1, out=second[block]),
            )
            own_sum, other_sum = _log_sum(logits[block], p), _log_sum(other[block], q)
            found[0][block] = (logits[block].gather(-1, ids[block]) - own_sum).squeeze(-1)
            found[2][block] = (other[block].gather(-1, ids[block]) - other_sum).squeeze(-1)
            # Σ q (log q − log p), the logarithms of the sums apart; the logits are not read again.
            gaps = other[block].sub_(logits[block]).mul_(q).sum(-1, keepdim=True)
            found[1][block] = (gaps - other_sum + own_sum).squeeze(-1)
        return found, [table, second]

    def product(self, table: Tensor) -> Tensor:
        """[rows, D] a distribution's mean of the weights."""
        return table.to(self.weight.dtype) @ self.weight

    def from_products(self, logps: Tensor, divergence: Tensor | None, own: Tensor, *other: Tensor) -> Tensor:
        """The gradient of the hidden states from the distributions' means of the weights."""
        found = logps[:, None] * (self.weight[self.ids].float() - own)
        if divergence is not None:
            found += divergence[:, None] * (own - other[0])
        return found.to(self.hidden.dtype)

    def gradients(
        self, logps: Tensor, divergence: Tensor | None, kept: list[Tensor], wanted: tuple[bool, ...]
    ) -> list[Tensor | None]:
        """Gradients of hidden states, weights and bias, those that are wanted."""
        exact = torch.promote_types(self.weight.dtype, torch.float32)
        needed = zip((self.hidden, self.weight, self.bias), wanted, strict=False)
        sums = [each.new_zeros(each.shape, dtype=exact) if each is not None and want else None for each, want in needed]
        for places in self.places():
            hidden = self.hidden[places]
            slopes, factor = self._slopes(
                places, logps[places], None if divergence is None else divergence[places], kept
            )
            scaled = hidden if factor is None else hidden * factor.to(hidden.dtype)
            if sums[0] is not None:
                product = self.product(slopes)
                sums[0][places] = product if factor is None else product * factor
            if sums[1] is not None:
                _add_product(sums[1], slopes, scaled)
            if sums[2] is not None:
                sums[2] += slopes.sum(0) if factor is None else factor.squeeze(-1) @ slopes
        given = (self.hidden, self.weight, self.bias)
        return [None if each is None else each.to(of.dtype) for each, of in zip(sums, given, strict=True)]  # type: ignore[union-attr]

    def _slopes(
        self, places: slice, logps: Tensor, divergence: Tensor | None, kept: list[Tensor]
    ) -> tuple[Tensor, Tensor | None]:
        """The gradient of the logits, [rows, V], but for the factor of each row that comes with it."""
        ids = self.ids[places, None]
        table = self.tables("slopes", len(ids))
        compared = divergence is not None and bool((divergence != 0).any())
        logits = None if kept else self._logits(places)
        if not compared:
            for block in _blocks(table):
                table[block] = kept[0][block] if logits is None else torch.softmax(logits[block], -1, out=table[block])
                table[block].scatter_add_(-1, ids[block], -torch.ones_like(ids[block], dtype=table.dtype))
            return table, -logps[:, None]
        assert divergence is not None
        assert self.reference is not None
        other = None if kept else self.reference(places, self.tables("reference logits", len(ids)))
        second = kept[1] if other is None else self.tables("reference", len(ids))
        both, one, token = (divergence - logps)[:, None], divergence[:, None], logps[:, None]
        for block in _blocks(table):
            if logits is None:
                torch.mul(kept[0][block], both[block], out=table[block])
            else:
                torch.softmax(logits[block], -1, out=table[block]).mul_(both[block])
            if other is not None:
                torch.softmax(other[block], -1, out=second[block])
            table[block].addcmul_(second[block], one[block], value=-1).scatter_add_(-1, ids[block], token[block])
        return table, None

    def _logits(self, places: slice) -> Tensor:
        rows = self.hidden[places]
        return write_logits(rows, self.weight, self.bias, self.tables("logits", len(rows)))


def write_logits(hidden: Tensor, weight: Tensor, bias: Tensor | None, table: Tensor) -> Tensor:
    """Write the logits of a linear head into a float32 table, without another one beside it where types agree."""
    if weight.dtype != table.dtype:
        logits = hidden @ weight.T
        return table.copy_(logits if bias is None else logits + bias)
    torch.mm(hidden, weight.T, out=table)
    return table if bias is None else table.add_(bias)


def _log_sum(logits: Tensor, probs: Tensor) -> Tensor:
    """[rows, 1] log Σ exp(logits), from the softmax at the largest logit, whose probability is at least 1 / V."""
    return logits.amax(-1, keepdim=True) - probs.amax(-1, keepdim=True).log()


def _add_product(total: Tensor, slopes: Tensor, hidden: Tensor) -> None:
    """total += slopesᵀ · hidden."""
    if total.dtype == slopes.dtype == hidden.dtype:
        total.addmm_(slopes.T, hidden)
    else:
        total += slopes.to(hidden.dtype).T @ hidden


def _blocks(table: Tensor) -> Iterator[slice]:
    """Blocks of rows."""
    rows = len(table) if table.is_cuda else max(1, BLOCK_BYTES // (4 * table.shape[-1]))
    yield from (slice(at, at + rows) for at in range(0, len(table), rows))
