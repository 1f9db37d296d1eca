"""Trainable heads of objectives: linear maps of a model's hidden states, whose size is known only with the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from penchant.errors import ConfigurationError

__all__ = ["Head"]


class Head(nn.Module):
    """A linear map from hidden states to a few numbers, zero at the start but for its bias.

    output = W h + b

    W is made by `bind`, or where a checkpoint that has one is loaded.

    Args:
        outputs: how many numbers.
        bias: what each of them is at the start.

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
        """Make the weights for hidden states of ``hidden_size`` numbers; what is made already stays.

        Args:
            hidden_size: of the model.

        Raises:
            ConfigurationError: it was made for another size.
        """
        if self.weight is None:
            self.weight = nn.Parameter(self.bias.new_zeros(self.outputs, hidden_size))
        elif self.weight.shape[1] != hidden_size:
            raise ConfigurationError(
                f"A head reads hidden states of {self.weight.shape[1]} numbers, and this model's have {hidden_size}.",
                fix="Build a new objective for this model.",
            )

    def forward(self, hidden: Tensor) -> Tensor:
        """The numbers of each hidden state, [..., outputs], in float32 or wider.

        Args:
            hidden: [..., D].
        """
        if self.weight is None:
            raise ConfigurationError(
                "A head of the objective has not been made yet.",
                why="Its size is that of the model's hidden states.",
                fix="Call objective.bind(hidden_size) before its first use; training does so by itself.",
            )
        dtype = torch.promote_types(hidden.dtype, self.weight.dtype)
        return nn.functional.linear(hidden.to(dtype), self.weight.to(dtype), self.bias.to(dtype))

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *args: Any, **kwargs: Any) -> None:
        kept = state_dict.get(f"{prefix}weight")
        if kept is not None:
            self.bind(kept.shape[1])
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
