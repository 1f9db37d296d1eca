"""Dropout of an adapter whose draws depend on seed, step, layer, token and position, and on nothing else."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from penchant.errors import ConfigurationError, ModelError
from penchant.likelihood.core import core_model
from penchant.likelihood.inside.hashing import GOLDEN, scrambled, signed

__all__ = ["CountedDropout", "Draws", "add_counted_dropout", "dropping", "has_counted_dropout"]


class Draws:
    """What the draws of a forward pass depend on; one object for all layers of a model.

    Args:
        seed: of the run.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        #: Number of the optimizer step; None outside of training, where nothing is dropped.
        self.step: int | None = None
        #: [B, N] int32, one number for each token of the pass.
        self.keys: Tensor | None = None

    def begin_pass(self, module: nn.Module, args: tuple[Any, ...], inputs: dict[str, Any]) -> None:
        """Note the tokens of a pass; a hook before the model's ``forward``.

        Passes without gradient, of the reference, leave the numbers alone: gradient checkpointing needs them again.
        """
        if self.step is None or not torch.is_grad_enabled():
            return
        ids = inputs["input_ids"] if "input_ids" in inputs else args[0]
        positions = inputs.get("position_ids")
        if positions is None:
            positions = torch.arange(ids.shape[-1], device=ids.device).expand_as(ids)
        start = zlib.crc32(f"{self.seed}:{self.step}".encode())
        keys = scrambled(positions.to(torch.int32) ^ signed(start))
        self.keys = scrambled(keys ^ ids.to(torch.int32))


class CountedDropout(nn.Module):
    """Sets features of a layer's input to zero with probability ``rate``, and scales the others by 1 / (1 − rate).

    Whether a feature is kept is a hash of the seed, the step, the layer, the token and its position, and the number of
    the feature. So a step is the same whole and split into micro-batches, in a forest and in separate sequences, on one
    device and on several, and after resuming; the same token at the same place of two sequences is dropped alike.

    Args:
        rate: in [0, 1).
        name: of the layer.
        draws: shared by all layers.
    """

    def __init__(self, rate: float, name: str, draws: Draws) -> None:
        super().__init__()
        self.rate, self.name, self.draws = rate, name, draws

    def forward(self, features: Tensor) -> Tensor:
        """The input with features dropped, in training; else unchanged.

        Args:
            features: [B, N, F] for the tokens of the pass.

        Raises:
            ModelError: the layer's inputs are not the tokens in their order.
        """
        keys = self.draws.keys
        if self.draws.step is None or keys is None:
            return features
        if features.shape[:-1] != keys.shape:
            raise ModelError(
                f"lora.dropout cannot be applied to the layer {self.name}: its input has the shape "
                f"{tuple(features.shape)}, expected one row for each of {tuple(keys.shape)} tokens.",
                fix="Remove lora.dropout, or leave the layer out with lora.exclude_modules.",
            )
        rows = scrambled(keys ^ signed(zlib.crc32(self.name.encode())))
        columns = torch.arange(features.shape[-1], dtype=torch.int32, device=features.device) * GOLDEN
        drawn = scrambled(rows.unsqueeze(-1) ^ columns)
        kept = drawn >= int(self.rate * 2**32) - 2**31
        return features * kept.to(features.dtype) / (1 - self.rate)


def add_counted_dropout(model: Any, rate: float, seed: int) -> None:
    """Put dropout before the first matrix of a model's trained adapter.

    Args:
        model: a ``PeftModel`` of a causal language model.
        rate: in (0, 1).
        seed: of the run.

    Raises:
        ConfigurationError: the adapter has no layer whose inputs are tokens.
    """
    draws = Draws(seed)
    found = False
    for name, layer in model.named_modules():
        first: Any = getattr(layer, "lora_A", None) or {}
        for adapter, matrix in first.items():
            if adapter in getattr(layer, "lora_dropout", {}) and matrix.weight.requires_grad:
                layer.lora_dropout[adapter] = CountedDropout(rate, name, draws)
                found = True
    if not found:
        raise ConfigurationError(
            "The trained adapter has no layer before which features could be dropped.",
            where="lora.dropout",
            fix="Remove lora.dropout.",
        )
    core_model(model).base_model.register_forward_pre_hook(draws.begin_pass, with_kwargs=True)
    model.counted_draws = draws


def has_counted_dropout(model: Any) -> bool:
    """Whether a model, or the model inside a wrapper, drops features in training.

    Example:
        >>> has_counted_dropout(nn.Linear(2, 2))
        False
    """
    return getattr(model, "counted_draws", None) is not None


@contextlib.contextmanager
def dropping(model: Any, step: int | None) -> Iterator[None]:
    """Drop features in the passes of a training step, forward and backward.

    Args:
        model: with or without dropout.
        step: number of the optimizer step, from 0.
    """
    draws: Draws | None = getattr(model, "counted_draws", None)
    if draws is None:
        yield
        return
    draws.step = step
    try:
        yield
    finally:
        draws.step = draws.keys = None
