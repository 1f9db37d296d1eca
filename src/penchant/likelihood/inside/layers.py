"""Activations of named layers during a forward pass."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor, nn

from penchant.errors import ConfigurationError, nearest

__all__ = ["decoder_layers", "find_layer", "recorded"]


def decoder_layers(core: nn.Module) -> list[tuple[str, nn.Module]]:
    """The decoder layers of a language model with their paths, first to last.

    They are the longest list of modules of one class.

    Args:
        core: the transformers model.
    """
    lists = [
        (path, part)
        for path, part in core.named_modules()
        if isinstance(part, nn.ModuleList) and len({type(each) for each in part}) == 1
    ]
    path, longest = max(lists, key=lambda each: len(each[1]), default=("", nn.ModuleList()))
    return [(f"{path}.{place}", each) for place, each in enumerate(longest)]


def find_layer(core: nn.Module, name: str) -> nn.Module:
    """A layer by number (``7``, or ``-1`` for the last) or by its path in the model (``model.layers.7.mlp``).

    Args:
        core: the transformers model.
        name: the number of a decoder layer, or a path.

    Raises:
        ConfigurationError: the model has no such layer.
    """
    layers = decoder_layers(core)
    if name.lstrip("-").isdigit():
        place = int(name)
        if not -len(layers) <= place < len(layers):
            raise ConfigurationError(
                f"There is no layer {name}: {type(core).__name__} has {len(layers)} layers.",
                fix=f"Give a number from 0 to {len(layers) - 1}, counted from the input.",
            )
        return layers[place][1]
    known = dict(core.named_modules())
    if name not in known or not name:
        raise ConfigurationError(
            f"{type(core).__name__} has no layer {name!r}. {nearest(name, known)}",
            fix="Give the number of a decoder layer, or a path as `model.named_modules()` lists it.",
        )
    return known[name]


@contextlib.contextmanager
def recorded(core: nn.Module, names: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Record the outputs of layers in a forward pass, with their graph.

    Args:
        core: the transformers model.
        names: see `find_layer`.

    Yields:
        The outputs by name, filled by the forward pass: hidden states, with the model's batch dimensions.
    """
    found: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            found[name] = output[0] if isinstance(output, tuple) else output

        return hook

    handles = [find_layer(core, name).register_forward_hook(keep(name)) for name in names]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()
