"""The output head as one linear layer: log-probabilities and the divergence from the reference, without needless work.

For a linear head, the gradients of log π(y) and of KL(π_ref ‖ π) have a closed form in the two distributions, so that
no table of [K, V] numbers is kept for backward:

    ∂ log π(y) / ∂ logits = 1_y − π          ∂ KL(π_ref ‖ π) / ∂ logits = π − π_ref
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.utils.parametrize import is_parametrized

from penchant.likelihood.inside.head_tiles import OtherLogits, Tiles
from penchant.likelihood.inside.reading import Order

__all__ = ["Linear", "LinearPass", "OutputHead"]


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


class LinearPass(torch.autograd.Function):
    """log π(y), log π_ref(y) and KL(π_ref ‖ π) at K positions, from hidden states.

    The logits are computed again in backward, those of the reference only where the divergence has a gradient. Where
    memory allows it, the distributions are kept instead, and with a frozen head the products of the distributions with
    its weights. What backward is foreseen not to need is neither kept nor multiplied; if it is needed after all, it is
    computed again.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        ids: Tensor,
        reference: OtherLogits | None,
        size: int,
        keep: bool,
        order: Order,
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
            keep: whether all distributions may be kept for backward, where the head is trained.
            order: what the positions are, by their place. The divergence of those that are not measured is not
                computed; what stands there is no value, and must get no gradient.
        """
        frozen = not any(ctx.needs_input_grad[1:3])
        ctx.products = ctx.needs_input_grad[0] and frozen
        tiles = Tiles(hidden, (weight, bias), ids, reference, size, keep and not frozen, order)
        values, shares, means = tiles.values(ctx.products)
        ctx.kept, ctx.order, ctx.tables = list(tiles.kept), order, len(shares)
        own = means if ctx.products else tiles.kept.values()
        ctx.save_for_backward(hidden, weight, bias, ids, *shares, *own)
        ctx.reference, ctx.size = reference, size
        ctx.set_materialize_grads(False)
        return tuple(values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor | None) -> tuple[Tensor | None, ...]:
        """Gradients of hidden states, weights and bias."""
        hidden, weight, bias, ids, *saved = ctx.saved_tensors
        shares, own = saved[: ctx.tables], saved[ctx.tables :]
        logps = upstream[0] if upstream[0] is not None else hidden.new_zeros(len(ids), dtype=torch.float32)
        divergence = upstream[1] if len(upstream) > 1 else None
        if ctx.products and _as_foreseen(ctx.order, logps, divergence):
            found = logps[:, None] * (weight[ids].float() - own[0])
            if divergence is not None:
                found += divergence[:, None] * (own[0] - own[1])
            return found.to(hidden.dtype), None, None, None, None, None, None, None
        wanted = ctx.needs_input_grad[:3]
        if ctx.kept:
            tiles = Tiles(hidden, (weight, bias), ids, ctx.reference, ctx.size, True, ctx.order)
            tiles.kept = dict(zip(ctx.kept, own, strict=True))
            return (*tiles.gradients(logps, divergence, shares, wanted), None, None, None, None, None)
        order, first = _moving(logps, divergence)
        other = None if ctx.reference is None else ctx.reference.ordered(order)
        tiles = Tiles(hidden[order], (weight, bias), ids[order], other, ctx.size, False, Order(None, first, first))
        slopes = None if divergence is None else divergence[order]
        found, *layer = tiles.gradients(logps[order], slopes, [each[:, order] for each in shares], wanted)
        if found is not None:
            found = torch.zeros_like(hidden).index_copy_(0, order, found)
        return (found, *layer, None, None, None, None, None)


def _as_foreseen(order: Order, logps: Tensor, divergence: Tensor | None) -> bool:
    """Whether the gradients need none of the means that were left out."""
    slopes = torch.zeros_like(logps) if divergence is None else divergence
    apart = order.cancels and bool((slopes != logps)[: order.moved].any())
    return not apart and not bool(slopes[order.moved :].any())


def _moving(logps: Tensor, divergence: Tensor | None) -> tuple[Tensor, int]:
    """The positions that have a gradient, those of the divergence first, and how many these are.

    Only the first need the reference's distribution; positions without any gradient need none.
    """
    first = torch.zeros_like(logps, dtype=torch.bool) if divergence is None else divergence != 0
    with_divergence, others = first.nonzero().squeeze(-1), (~first & (logps != 0)).nonzero().squeeze(-1)
    return torch.cat([with_divergence, others]), len(with_divergence)
