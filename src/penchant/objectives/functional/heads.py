"""Trainable linear heads on hidden states, created once the model's hidden size is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from penchant.errors import ConfigurationError

__all__ = ["Head"]


class Head(nn.Module):
    """A linear map from hidden states to a few outputs; its weight starts at zero.

    output = W h + b

    `bind`, or loading a checkpoint that contains W, creates W.

    Args:
        outputs: number of outputs.
        bias: initial value of each output.

    Example:
        >>> head = Head(2, bias=0.5)
        >>> head.bind(3)
        >>> head(torch.ones(1, 3))
        tensor([[0.5000, 0.5000]], grad_fn=<AddmmBackward0>)
    """

    weight: nn.Parameter | None

    def __init__(self, outputs: int, bias: float = 0.0) -> None:
        super().__init__()
        self.outputs = outputs
        self.register_parameter("weight", None)
        self.bias = nn.Parameter(torch.full((outputs,), bias))

    def bind(self, hidden_size: int) -> None:
        """Create the weights for hidden states of size ``hidden_size``; existing weights stay.

        Args:
            hidden_size: size of the model's hidden states.

        Raises:
            ConfigurationError: the weights have another size.
        """
        if self.weight is None:
            self.weight = nn.Parameter(self.bias.new_zeros(self.outputs, hidden_size))
        elif self.weight.shape[1] != hidden_size:
            raise ConfigurationError(
                f"The head was created for hidden size {self.weight.shape[1]}, but this model has hidden size "
                f"{hidden_size}.",
                fix="Build a new objective for this model.",
            )

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
        return nn.functional.linear(hidden.to(dtype), self.weight.to(dtype), self.bias.to(dtype))

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *args: Any, **kwargs: Any) -> None:
        kept = state_dict.get(f"{prefix}weight")
        if kept is not None:
            self.bind(kept.shape[1])
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
