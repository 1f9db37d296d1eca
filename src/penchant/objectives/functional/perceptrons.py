"""Trainable networks of linear layers on hidden states, and indices of people and classes read from record fields."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from penchant.errors import ConfigurationError
from penchant.objectives.functional.heads import Head

__all__ = ["Perceptron", "normal_start", "whole_indices"]


def normal_start(*shape: int, salt: int = 0) -> Tensor:
    """Standard normal numbers that depend on the seed of torch and on a salt alone.

    Args:
        shape: the size of each dimension.
        salt: distinguishes parts of the same shape.

    Example:
        >>> bool((normal_start(2, 3, salt=1) == normal_start(2, 3, salt=2)).any())
        False
    """
    generator = torch.Generator().manual_seed((torch.initial_seed() + 7919 * salt) % 2**63)
    return torch.randn(*shape, generator=generator)


class Perceptron(Head):
    """Linear layers with ReLU between them; random from the start.

    Args:
        outputs: number of outputs.
        width: width of the hidden layers.
        layers: number of hidden layers.
        salt: distinguishes networks that would start equal.

    Example:
        >>> network = Perceptron(2, width=4, layers=1)
        >>> network.bind(3)
        >>> network(torch.ones(5, 3)).shape
        torch.Size([5, 2])
    """

    def __init__(self, outputs: int, width: int, layers: int, salt: int = 0) -> None:
        super().__init__(width if layers else outputs, random=True)
        self.salt = salt
        sizes = [width] * layers + [outputs]
        self.further = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(sizes))
        for place, layer in enumerate(self.further):
            assert isinstance(layer, nn.Linear)
            start = normal_start(*layer.weight.shape, salt=salt + 101 * (place + 1)) / math.sqrt(layer.in_features)
            layer.weight.data.copy_(start)
            layer.bias.data.zero_()

    def _start(self, hidden_size: int) -> Tensor:
        return normal_start(self.outputs, hidden_size, salt=self.salt) / math.sqrt(hidden_size)

    def forward(self, hidden: Tensor) -> Tensor:
        """The outputs for each hidden state, [..., outputs], in float32 or wider."""
        values = super().forward(hidden)
        for layer in self.further:
            assert isinstance(layer, nn.Linear)
            values = nn.functional.linear(values.relu(), layer.weight.to(values.dtype), layer.bias.to(values.dtype))
        return values


def whole_indices(values: Tensor, count: int, name: str, owner: str) -> Tensor:
    """A record field as indices.

    Args:
        values: [B] numbers of the records.
        count: indices go from 0 to ``count`` − 1.
        name: the field, for errors.
        owner: the objective, for errors.

    Returns:
        [B] integers.

    Raises:
        ConfigurationError: a number is not whole, or out of range.

    Example:
        >>> whole_indices(torch.tensor([0.0, 2.0]), 3, "annotator", "pal")
        tensor([0, 2])
    """
    found = values.round().long()
    bad = (values != found) | (found < 0) | (found >= count)
    if bool(bad.any()):
        raise ConfigurationError(
            f"The field {name!r} is {values[bad][0].item():g}, expected a whole number from 0 to {count - 1}.",
            where=f"objective {owner}",
            fix=f"Number them from 0, and set how many there are (now {count}).",
        )
    return found
