"""FlexAttention over a forest: its mask, and the function compiled once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from penchant.forest.layout import Forest

__all__ = ["block_mask", "flex_attention"]


def block_mask(forest: Forest, window: int | None = None, virtual: int = 0) -> Any:
    """FlexAttention's BlockMask for the forest's attention rule.

    Args:
        forest: the batch's layout.
        window: tokens attend to those fewer than ``window`` positions before them.
        virtual: keys of virtual tokens before the others, which every token sees.
    """
    from torch.nn.attention.flex_attention import create_block_mask

    subtree_end, depth, size = forest.subtree_end, forest.position_ids, forest.tokens

    def rule(_batch: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        seen = (key <= query) & (query < subtree_end[key])
        return seen if window is None else seen & (depth[query] - depth[key] < window)

    def after(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        own = rule(batch, head, query, (key - virtual).clamp(min=0))
        return torch.where(key < virtual, torch.ones_like(own), own)

    device = str(forest.token_ids.device)
    return create_block_mask(after if virtual else rule, None, None, size, virtual + size, device=device)


def flex_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Any, scale: float, softcap: float | None = None
) -> Tensor:
    """Attention with a block mask, compiled on a GPU.

    Args:
        query: [1, H, N, D].
        key: [1, H', M, D], H' a divisor of H.
        value: [1, H', M, D].
        mask: from `block_mask`.
        scale: multiplies the products of queries and keys.
        softcap: bounds them, softcap tanh(x / softcap).
    """

    def capped(score: Tensor, *_place: Tensor) -> Tensor:
        assert softcap is not None
        return softcap * torch.tanh(score / softcap)

    attend = _compiled_flex() if query.is_cuda else _plain_flex()
    score_mod = capped if softcap is not None else None
    grouped = query.shape[1] != key.shape[1]
    found: Tensor = attend(query, key, value, block_mask=mask, score_mod=score_mod, scale=scale, enable_gqa=grouped)
    return found


def _plain_flex() -> Callable[..., Tensor]:
    from torch.nn.attention.flex_attention import flex_attention

    return flex_attention


_COMPILED: dict[str, Callable[..., Tensor]] = {}


def _compiled_flex() -> Callable[..., Tensor]:
    """FlexAttention compiled once per process, with dynamic shapes, since batches differ in length."""
    if "flex" not in _COMPILED:
        from torch._functorch import config

        # Otherwise the first backward pass reuses buffers that a second one needs (gradient norms).
        config.donated_buffer = False
        _COMPILED["flex"] = torch.compile(_plain_flex(), dynamic=True)
    return _COMPILED["flex"]
