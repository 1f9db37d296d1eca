"""`VirtualKeys`: learned keys and values that stand before those of all tokens, in every layer of attention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from penchant.errors import ModelError

__all__ = ["VirtualKeys", "joined_mask", "prefix_of"]


def prefix_of(module: torch.nn.Module, like: Tensor) -> tuple[Tensor, Tensor] | None:
    """Keys and values [B, H, P, D] that a layer of attention has as a part of its own, or None; they have no positions.

    Args:
        module: the layer.
        like: [B, H, M, D] the keys of the tokens.
    """
    part = getattr(module, "prefix_keys", None)
    return None if part is None else part.before(like)


@dataclass(frozen=True)
class VirtualKeys:
    """Keys and values of P virtual tokens, which every token sees as if its sequence began with them.

    Args:
        layers: for each layer of attention its keys and values, [1, H, P, D] each; None for a layer without.
        positions: [B, N] the positions of the tokens that attend; the virtual ones stand at 0 to P - 1.
    """

    layers: Sequence[tuple[Tensor, Tensor] | None]
    positions: Tensor
    #: Numbers of the layers that have asked for theirs.
    asked: set[int] = field(default_factory=set)

    def of(self, module: torch.nn.Module, like: Tensor) -> tuple[Tensor, Tensor] | None:
        """Keys and values [B, H, P, D] of a layer of attention, in the number type of its own keys.

        Args:
            module: the layer.
            like: [B, H, M, D] its own keys.

        Raises:
            ModelError: the layer does not say which one it is.
        """
        number = getattr(module, "layer_idx", None)
        if number is None or number >= len(self.layers):
            raise ModelError(
                f"{type(module).__name__} does not say which layer it is, so it cannot get virtual tokens of its own.",
                fix="Use an adapter in the layers, such as LoRA.",
            )
        self.asked.add(number)
        own = self.layers[number]
        if own is None:
            return None
        keys, values = (each.to(like).expand(like.shape[0], *each.shape[1:]) for each in own)
        return keys, values

    def seen(self, count: int, window: int | None) -> Tensor:
        """[B, 1, N, P] which of the P virtual tokens each token sees; all, but for those before its sliding window.

        Args:
            count: P.
            window: tokens attend to those fewer than ``window`` positions before them.
        """
        places = torch.arange(count, device=self.positions.device)
        if window is None:
            return torch.ones((*self.positions.shape, count), dtype=torch.bool, device=places.device)[:, None]
        return (self.positions[..., None] - places < window)[:, None]


def joined_mask(mask: Tensor | None, seen: Tensor, keys: int) -> Tensor:
    """A mask of attention with columns for virtual tokens before the others.

    Args:
        mask: boolean or additive, [B, 1, N, M]; None for a causal one.
        seen: [B, 1, N, P] which virtual tokens are seen.
        keys: M, the number of the other keys.

    Example:
        >>> joined_mask(None, torch.ones(1, 1, 2, 1, dtype=torch.bool), 2).int().tolist()
        [[[[1, 1, 0], [1, 1, 1]]]]
    """
    rows = seen.shape[2]
    if mask is None:
        mask = torch.ones(rows, keys, dtype=torch.bool, device=seen.device).tril(keys - rows)[None, None]
    mask = mask[..., :keys]
    if mask.dtype != torch.bool:
        seen = torch.zeros(seen.shape, dtype=mask.dtype, device=seen.device).masked_fill(
            ~seen, torch.finfo(mask.dtype).min
        )
    batch = max(mask.shape[0], seen.shape[0])
    return torch.cat([seen.expand(batch, -1, -1, -1), mask.expand(batch, seen.shape[1], rows, -1)], dim=-1)
