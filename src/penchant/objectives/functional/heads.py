"""Trainable linear heads on hidden states, created once the model's hidden size is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from penchant.errors import ConfigurationError

__all__ = ["Head"]


class Head(nn.Module):
    """A linear map from hidden states to a few outputs; its weight starts at zero, or near it.

    output = W h + b

    `bind`, or loading a checkpoint that contains W, creates W.

    Args:
        outputs: number of outputs.
        bias: initial value of each output; None for no bias.
        random: start from normal numbers with standard deviation 1 / (D + 1), which depend on the seed of torch alone,
            so that the states below the head have a gradient from the first step on.

    Example:
        >>> head = Head(2, bias=0.5)
        >>> head.bind(3)
        >>> head(torch.ones(1, 3))
        tensor([[0.5000, 0.5000]], grad_fn=<AddmmBackward0>)
    """

    weight: nn.Parameter | None
    _kind: Tensor

    def __init__(self, outputs: int, bias: float | None = 0.0, random: bool = False) -> None:
        super().__init__()
        self.outputs, self.random = outputs, random
        self.register_parameter("weight", None)
        self.bias = None if bias is None else nn.Parameter(torch.full((outputs,), bias))
        self.register_buffer("_kind", torch.zeros(()), persistent=False)  # number type and device of a head to come

    def bind(self, hidden_size: int) -> None:
        """Create the weights for hidden states of size ``hidden_size``; existing weights stay.

        Args:
            hidden_size: size of the model's hidden states.

        Raises:
            ConfigurationError: the weights have another size.
        """
        if self.weight is None:
            self.weight = nn.Parameter(self._start(hidden_size).to(self._kind))
        elif self.weight.shape[1] != hidden_size:
            raise ConfigurationError(
                f"The head was created for hidden size {self.weight.shape[1]}, but this model has hidden size "
                f"{hidden_size}.",
                fix="Build a new objective for this model.",
            )

    def _start(self, hidden_size: int) -> Tensor:
        if not self.random:
            return torch.zeros(self.outputs, hidden_size)
        generator = torch.Generator().manual_seed(torch.initial_seed() % 2**63)
        return torch.randn(self.outputs, hidden_size, generator=generator) / (hidden_size + 1)

    def forward(self, hidden: Tensor) -> Tensor:
        """The outputs for each hidden state, [..., outputs], in float32 or wider.

        Args:
            hidden: [..., D].
        """
        if self.weight is None:
            raise ConfigurationError(
                "The head of the objective has no weights yet.",
                why="Its size depends on the model's hidden states.",
                fix="Call objective.bind(hidden_size) before the first use; training does this automatically.",
            )
        dtype = torch.promote_types(hidden.dtype, self.weight.dtype)
        bias = None if self.bias is None else self.bias.to(dtype)
        return nn.functional.linear(hidden.to(dtype), self.weight.to(dtype), bias)

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *args: Any, **kwargs: Any) -> None:
        kept = state_dict.get(f"{prefix}weight")
        if kept is not None:
            self.bind(kept.shape[1])
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
