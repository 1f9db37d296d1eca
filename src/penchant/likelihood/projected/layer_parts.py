"""What layers of a language model may have more: projections, bottlenecks and prefixes.

Projected hidden states lose their part in some directions; a bottleneck is a small network beside or after a block; a
prefix is keys and values of attention that stand before those of all tokens.

This file goes into the folder of such a model as a part of `modeling_projected`. It imports PyTorch and transformers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers.integrations.sdpa_attention import sdpa_attention_forward

__all__ = [
    "BOTTLENECKS",
    "PART",
    "PREFIX_ATTENTION",
    "PREFIX_PART",
    "Bottleneck",
    "PrefixKeys",
    "Projection",
    "bottlenecks_of",
    "prefix_attention",
    "project",
    "projected_output",
    "with_bottlenecks",
]

#: The submodule of a projected layer.
PART = "projection"
#: The submodules of a block with bottlenecks, in the order in which they act.
BOTTLENECKS = ("parallel_adapter", "serial_adapter")
#: The submodule of a layer of attention with a prefix, and the kind of attention that reads it.
PREFIX_PART, PREFIX_ATTENTION = "prefix_keys", "penchant_prefix"


def project(hidden: Tensor, directions: Tensor) -> Tensor:
    """h' = h − h Qᵀ Q,   Q an orthonormal basis of the rows of the directions, computed in float32 or more.

    Args:
        hidden: [..., D].
        directions: [K, D], K at most D; K = 0 changes nothing.
    """
    if not len(directions):
        return hidden
    with torch.autocast(hidden.device.type, enabled=False):
        states = hidden.to(torch.promote_types(hidden.dtype, torch.float32))
        basis = torch.linalg.qr(directions.to(states.dtype).T, mode="reduced")[0].T
        return (states - states @ basis.T @ basis).to(hidden.dtype)


class Projection(nn.Module):
    """The directions of one layer.

    Args:
        before: [P, D] directions of earlier tasks, which never change.
        directions: [K, D] directions of this task, trained.
    """

    before: Tensor

    def __init__(self, before: Tensor, directions: Tensor) -> None:
        super().__init__()
        self.register_buffer("before", before.detach().float().clone())
        self.directions = nn.Parameter(directions.detach().float().clone())

    @property
    def every(self) -> Tensor:
        """[P + K, D] all directions, the earlier ones first."""
        return torch.cat([self.before, self.directions])

    def forward(self, hidden: Tensor) -> Tensor:
        """Hidden states without their part in the directions."""
        return project(hidden, self.every)


class Bottleneck(nn.Module):
    """U relu(D h): a network of few units between two wide layers; U starts at 0.

    Args:
        width: of the hidden states.
        size: number of units.

    Reference:
        Houlsby et al. (2019), arXiv:1902.00751 (serial); He et al. (2022), arXiv:2110.04366 (parallel).
    """

    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        #: Whether it is left out.
        self.off = False
        self.down = nn.Parameter(torch.zeros(size, width))
        self.up = nn.Parameter(torch.zeros(width, size))

    def forward(self, hidden: Tensor) -> Tensor:
        """What is added, [..., width]."""
        inner = torch.relu(nn.functional.linear(hidden, self.down.to(hidden.dtype)))
        return nn.functional.linear(inner, self.up.to(inner.dtype)).to(hidden.dtype)


def with_bottlenecks(block: nn.Module, given: Any, named: Any, output: Any) -> Any:
    """The hook of a block that adds what its bottlenecks give."""
    parts = [getattr(block, each, None) for each in BOTTLENECKS]
    hidden = output[0] if isinstance(output, tuple) else output
    if parts[0] is not None and not parts[0].off:
        hidden = hidden + parts[0](given[0] if given else next(iter(named.values())))
    if parts[1] is not None and not parts[1].off:
        hidden = hidden + parts[1](hidden)
    return (hidden, *output[1:]) if isinstance(output, tuple) else hidden


class PrefixKeys(nn.Module):
    """Keys and values of P virtual tokens in one layer of attention, which every token sees; they have no positions.

    Args:
        heads: H, those of the layer's keys.
        size: P.
        width: D, of a head.

    Reference:
        Li and Liang (2021), Prefix-Tuning, arXiv:2101.00190; He et al. (2022), arXiv:2110.04366.
    """

    def __init__(self, heads: int, size: int, width: int) -> None:
        super().__init__()
        #: Whether it is left out, and whether attention has read it.
        self.off, self.read = False, False
        self.keys = nn.Parameter(torch.zeros(heads, size, width))
        self.values = nn.Parameter(torch.zeros(heads, size, width))

    def before(self, like: Tensor) -> tuple[Tensor, Tensor] | None:
        """Keys and values [B, H, P, D] for a batch; None if it is left out.

        Args:
            like: [B, H, M, D] the keys of the tokens.
        """
        self.read = True
        if self.off:
            return None
        keys, values = (each.to(like).expand(like.shape[0], -1, -1, -1) for each in (self.keys, self.values))
        return keys, values


def prefix_attention(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **given: Any
) -> Any:
    """Ordinary attention, before whose keys those of the layer's prefix stand, if it has one."""
    prefix: Any = getattr(module, PREFIX_PART, None)
    own = None if prefix is None else prefix.before(key)
    if own is not None:
        rows, tokens = query.shape[2], key.shape[2]
        if attention_mask is None:
            causal = torch.ones(rows, tokens, dtype=torch.bool, device=key.device).tril(tokens - rows)
            attention_mask = causal.expand(query.shape[0], 1, -1, -1)
        attention_mask = attention_mask[..., :tokens]
        seen = attention_mask.new_full(
            (*attention_mask.shape[:-1], own[0].shape[2]), attention_mask.dtype == torch.bool
        )
        attention_mask = torch.cat([seen, attention_mask], dim=-1)
        key, value = torch.cat([own[0], key], dim=2), torch.cat([own[1], value], dim=2)
    return sdpa_attention_forward(module, query, key, value, attention_mask, **given)


def projected_output(layer: nn.Module, _given: Any, output: Any) -> Any:
    """The hook of a layer that leaves out its directions."""
    projection: Any = layer.get_submodule(PART)
    return (projection(output[0]), *output[1:]) if isinstance(output, tuple) else projection(output)


def bottlenecks_of(model: nn.Module) -> dict[str, Bottleneck | PrefixKeys]:
    """The bottlenecks and prefixes of a model, by the path of their block and their kind."""
    return {name: part for name, part in model.named_modules() if isinstance(part, Bottleneck | PrefixKeys)}
