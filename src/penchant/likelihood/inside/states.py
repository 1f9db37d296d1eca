"""States of every layer of a model at chosen positions: whole, or the mean over hidden units of every activation."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from penchant.likelihood.inside.layers import decoder_layers
from penchant.objectives.core.requirements import EVERY_LAYER, UNIT_MEANS

__all__ = ["recorded_states"]

#: Linear maps, by the names of their classes: some models write them as one-dimensional convolutions.
_LINEAR = ("Linear", "Conv1D")


@contextlib.contextmanager
def recorded_states(core: nn.Module, names: Sequence[str], places: Tensor) -> Iterator[dict[str, Tensor]]:
    """Record states of every decoder layer in a forward pass, kept only at some positions.

    Args:
        core: the transformers model.
        names: of `EVERY_LAYER` and `UNIT_MEANS`.
        places: [K] flat positions of the model's input.

    Yields:
        By name, filled when the block ends: ``EVERY_LAYER`` [K, L, D] the output of each layer; ``UNIT_MEANS``
        [K, S, L] the mean over hidden units of S kinds of activations in each layer: its output, its feed-forward
        block's, and those of its attention's linear maps; NaN where a layer lacks one.
    """
    layers = decoder_layers(core)
    outputs: dict[int, Tensor] = {}
    means: dict[tuple[str, int], Tensor] = {}
    found: dict[str, Tensor] = {}
    handles = []

    def at_places(output: Any) -> Tensor:
        values: Tensor = output[0] if isinstance(output, tuple) else output
        return values.reshape(-1, values.shape[-1])[places]

    def keep_output(number: int) -> Any:
        return lambda module, inputs, output: outputs.__setitem__(number, at_places(output))

    def keep_mean(site: str, number: int) -> Any:
        return lambda module, inputs, output: means.__setitem__((site, number), at_places(output).float().mean(-1))

    for number, (_, layer) in enumerate(layers):
        if EVERY_LAYER in names:
            handles.append(layer.register_forward_hook(keep_output(number)))
        if UNIT_MEANS in names:
            handles += [part.register_forward_hook(keep_mean(site, number)) for site, part in _sites(layer)]
    try:
        yield found
        if EVERY_LAYER in names:
            found[EVERY_LAYER] = torch.stack([outputs[number] for number in range(len(layers))], dim=1)
        if UNIT_MEANS in names:
            found[UNIT_MEANS] = _table(means, len(layers))
    finally:
        for handle in handles:
            handle.remove()


def _sites(layer: nn.Module) -> list[tuple[str, nn.Module]]:
    """The activations of a layer, by the name that they have in every layer."""
    found = [("", layer)]
    for name, child in layer.named_children():
        if "attn" in name or "attention" in name:
            inside = child.named_modules(prefix=name)
            found += [(path, part) for path, part in inside if type(part).__name__ in _LINEAR]
        elif any(word in name for word in ("mlp", "feed_forward", "ffn", "moe")):
            found.append((name, child))
    return found


def _table(means: dict[tuple[str, int], Tensor], layers: int) -> Tensor:
    sites = sorted({site for site, _ in means})
    absent = torch.full_like(next(iter(means.values())), torch.nan)
    rows = [torch.stack([means.get((site, number), absent) for number in range(layers)], dim=-1) for site in sites]
    return torch.stack(rows, dim=1)
