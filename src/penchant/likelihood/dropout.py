"""Disabling dropout for policy and reference, because it makes log-ratios random."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

__all__ = ["without_dropout"]


# Attributes of layers with a rate: dropout of weights, of layers, noise on a router's input.
RANDOM = ("dropout", "layerdrop", "jitter")


def without_dropout(model: nn.Module) -> Callable[[], None]:
    """Set every dropout rate (and similar rates) of a model to zero, in training and evaluation mode.

    ``model.eval()`` is not enough: gradient checkpointing works only in training mode.

    Args:
        model: the model; changed in place.

    Returns:
        A function that restores the original rates.

    Example:
        >>> layer = nn.Dropout(0.5)
        >>> restore = without_dropout(layer)
        >>> layer.p
        0.0
        >>> restore(); layer.p
        0.5
    """
    former: list[tuple[nn.Module, str, Any]] = []
    for module in model.modules():
        names = ["p"] if isinstance(module, nn.modules.dropout._DropoutNd) else []
        names += [name for name in vars(module) if any(word in name for word in RANDOM)]
        for name in names:
            value = getattr(module, name)
            if isinstance(value, float) and value != 0.0:
                former.append((module, name, value))
                setattr(module, name, 0.0)

    def restore() -> None:
        for module, name, value in former:
            setattr(module, name, value)

    return restore
