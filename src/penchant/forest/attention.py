"""Attention over a forest, with three equivalent backends.

``segments``: scaled-dot-product attention per segment against its own and its ancestors' keys (CPU; no N x N mask).
``flex``: FlexAttention with the forest's attention rule as its mask (GPU).
``dense``: one N x N boolean mask (the reference implementation for tests).

All three are registered with transformers' attention interface under one name, so a model's layers run unmodified.
Layers pass on the keyword ``forest``; a call without it, as in generation, is ordinary attention. The keyword
``virtual`` gives keys and values that stand before all others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from penchant.errors import ConfigurationError, nearest
from penchant.forest.flex import block_mask, flex_attention
from penchant.forest.layout import Forest
from penchant.forest.virtual_keys import VirtualKeys, joined_mask, prefix_of

__all__ = ["ATTENTION", "ORDINARY", "AttentionPlan", "Backend", "register_attention"]

ATTENTION = "penchant_forest"
#: Ordinary attention of a model with virtual tokens.
ORDINARY = "penchant_ordinary"
# Number types in which attention on a CPU is computed in float32.
LOWERED = (torch.bfloat16, torch.float16)
Backend = Literal["segments", "flex", "dense"]


class _Form(NamedTuple):
    """A layer's settings for turning query-key products into attention weights."""

    scale: float
    window: int | None
    softcap: float | None
    sinks: Tensor | None


@dataclass
class AttentionPlan:
    """What attention layers need to know of one forest; masks are built once and shared by all layers.

    Args:
        forest: the batch's layout.
        backend: ``segments``, ``flex`` or ``dense``.
        masks: the masks built so far.
        windows: the sliding windows that layers have requested, None for a layer without one.
    """

    forest: Forest
    backend: Backend
    masks: dict[Any, Any] = field(default_factory=dict)
    windows: set[int | None] = field(default_factory=set)

    def window(self, size: int | None) -> int | None:
        """The sliding window, or None if no sequence is longer than it."""
        self.windows.add(size)
        return size if size is not None and size < self.forest.max_context else None

    def dense_mask(self, window: int | None) -> Tensor:
        """[N, N] boolean mask."""
        return self._once(("dense", window), lambda: self.forest.may_attend(window))

    def child_mask(self, place: int, window: int | None) -> Tensor:
        """[n, m] boolean mask of segment ``place`` against its ancestors' keys and its own."""
        return self._once((place, window), lambda: self._child_mask(place, window))

    def block_mask(self, window: int | None, virtual: int = 0) -> Any:
        """FlexAttention's BlockMask for the forest's attention rule, with keys of virtual tokens before the others."""
        return self._once(("flex", window, virtual), lambda: block_mask(self.forest, window, virtual))

    def _once(self, key: Any, make: Callable[[], Any]) -> Any:
        if key not in self.masks:
            self.masks[key] = make()
        return self.masks[key]

    def _child_mask(self, place: int, window: int | None) -> Tensor:
        segments = self.forest.segments
        own = segments[place].length
        above = sum(segments[ancestor].length for ancestor in segments[place].ancestors)
        query = torch.arange(above, above + own, device=self.forest.token_ids.device)[:, None]
        key = torch.arange(above + own, device=self.forest.token_ids.device)[None, :]
        seen = key <= query
        return seen if window is None else seen & (query - key < window)


class _Before(NamedTuple):
    """Keys and values [B, H, P, D] that stand before all others, and which of them each token sees, [B, 1, N, P]."""

    keys: Tensor
    values: Tensor
    seen: Tensor
    windowed: bool

    def repeated(self, times: int) -> _Before:
        """With each head ``times`` times, for queries that share keys."""
        keys, values = (each.repeat_interleave(times, dim=1) for each in (self.keys, self.values))
        return self._replace(keys=keys, values=values)


def register_attention() -> None:
    """Register `ATTENTION` and `ORDINARY` with transformers as kinds of attention (safe to call again)."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    for name in (ATTENTION, ORDINARY):
        AttentionInterface.register(name, forest_attention)
        AttentionMaskInterface.register(name, sdpa_mask)


def forest_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    forest: AttentionPlan | None = None,
    virtual: VirtualKeys | None = None,
    **kwargs: Any,
) -> tuple[Tensor, Tensor | None]:
    """The attention function that transformers' layers call: [B, H, N, D] queries in, [B, N, H, D] out."""
    size = kwargs.get("sliding_window")
    before = _stands_before(module, key, virtual, size)
    if forest is None and before is None and kwargs.get("softcap") is None and kwargs.get("s_aux") is None:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)
    scale = kwargs.get("scaling")
    form = _Form(
        query.shape[-1] ** -0.5 if scale is None else scale,
        size if forest is None else forest.window(size),
        kwargs.get("softcap"),
        kwargs.get("s_aux"),
    )
    if forest is not None and forest.backend == "flex":
        return _flex(forest, query, key, value, form, before).transpose(1, 2).contiguous(), None
    repeats = query.shape[1] // key.shape[1]
    if repeats > 1:
        key, value = key.repeat_interleave(repeats, dim=1), value.repeat_interleave(repeats, dim=1)
        before = before and before.repeated(repeats)
    if forest is None:
        result = _after(before, query, key, value, attention_mask, form)
    elif forest.backend == "segments":
        result = _by_segments(forest, query, key, value, form, before)
    elif forest.backend == "dense":
        result = _after(before, query, key, value, forest.dense_mask(form.window)[None, None], form)
    else:
        known = nearest(forest.backend, ["segments", "flex", "dense"])
        raise ConfigurationError(f"There is no forest attention {forest.backend!r}.", fix=known)
    return result.transpose(1, 2).contiguous(), None


def _stands_before(
    module: torch.nn.Module, key: Tensor, virtual: VirtualKeys | None, window: int | None
) -> _Before | None:
    """What stands before the keys [B, H, M, D] of a layer: virtual tokens, or a prefix that the layer itself has."""
    if virtual is not None:
        own = virtual.of(module, key)
        return own and _Before(*own, virtual.seen(own[0].shape[2], window), window is not None)
    own = prefix_of(module, key)
    if own is None:
        return None
    return _Before(*own, torch.ones((1, 1, 1, own[0].shape[2]), dtype=torch.bool, device=key.device), False)


def _after(
    before: _Before | None, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, form: _Form
) -> Tensor:
    """Softmax attention to the keys and to those that stand before them; ``mask`` None means causal."""
    if before is not None:
        seen = before.seen.expand(-1, -1, query.shape[2], -1)
        mask = joined_mask(mask, seen, key.shape[2])
        key, value = torch.cat([before.keys, key], dim=2), torch.cat([before.values, value], dim=2)
    return _attend(query, key, value, mask, form)


def _attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, form: _Form) -> Tensor:
    """Softmax attention; ``mask`` None means causal."""
    if form.softcap is None and form.sinks is None:
        return scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=mask is None, scale=form.scale)
    scores = (query @ key.transpose(-1, -2)) * form.scale
    if form.softcap is not None:
        scores = form.softcap * torch.tanh(scores / form.softcap)
    if mask is None:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    if form.sinks is not None:
        # A learned extra column that receives probability but has no value vector.
        column = form.sinks.reshape(1, -1, 1, 1).expand(scores.shape[0], -1, scores.shape[-2], 1)
        scores = torch.cat([scores, column.to(scores.dtype)], dim=-1)
    weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
    return weights[..., : key.shape[-2]] @ value


def _by_segments(
    plan: AttentionPlan, query: Tensor, key: Tensor, value: Tensor, form: _Form, before: _Before | None
) -> Tensor:
    """Attention of each segment to its ancestors' keys and its own; the cost grows with path lengths, not with N²."""
    if query.device.type == "cpu" and (torch.is_autocast_enabled("cpu") or value.dtype in LOWERED):
        # The lengths of segments are new in every batch, and for a lower number type PyTorch compiles code for each.
        with torch.autocast("cpu", enabled=False):
            raised = before and before._replace(keys=before.keys.float(), values=before.values.float())
            return _by_segments(plan, query.float(), key.float(), value.float(), form, raised).to(value.dtype)
    segments = plan.forest.segments
    lengths = [segment.length for segment in segments]
    # One split, whose backward is one concatenation; slicing would create a full-size gradient per segment.
    queries, keys, values = (part.split(lengths, dim=2) for part in (query, key, value))
    results = []
    for place, segment in enumerate(segments):
        path = (*segment.ancestors, place)
        if len(path) == 1:
            mask = None if form.window is None else plan.child_mask(place, form.window)
            own_keys, own_values = keys[place], values[place]
        else:
            mask = plan.child_mask(place, form.window)
            own_keys = torch.cat([keys[part] for part in path], dim=2)
            own_values = torch.cat([values[part] for part in path], dim=2)
        # One row of what is seen stands for all.
        rows = slice(segment.start, segment.stop) if before is not None and before.seen.shape[2] > 1 else slice(None)
        own = before and before._replace(seen=before.seen[:, :, rows])
        # A mask of two dimensions serves all heads as it is; before virtual tokens it gets theirs.
        mask = mask[None, None] if own is not None and mask is not None else mask
        results.append(_after(own, queries[place], own_keys, own_values, mask, form))
    return torch.cat(results, dim=2)


def _flex(
    plan: AttentionPlan, query: Tensor, key: Tensor, value: Tensor, form: _Form, before: _Before | None
) -> Tensor:
    """FlexAttention with the forest's attention rule, compiled on a GPU."""
    if form.sinks is not None:
        raise ConfigurationError(
            "Attention sinks are not available with the 'flex' attention.", fix="Use attention='dense' for this model."
        )
    count = 0
    if before is not None:
        if before.windowed and not bool(before.seen.all()):
            raise ConfigurationError(
                "Virtual tokens that a sliding window leaves behind are not available with the 'flex' attention.",
                fix="Use attention='dense' for this model.",
            )
        count = before.keys.shape[2]
        key, value = torch.cat([before.keys, key], dim=2), torch.cat([before.values, value], dim=2)
    return flex_attention(query, key, value, plan.block_mask(form.window, count), form.scale, form.softcap)
