"""Access to the model inside adapters and wrappers, and evaluation without the adapter."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import nn

__all__ = ["core_model", "device_of", "has_adapter", "plain_layer", "reshard", "vocabulary_size", "without_adapter"]


def core_model(model: nn.Module) -> Any:
    """The transformers or diffusers model inside wrappers (DDP, FSDP) and adapters (PEFT)."""
    core: Any = model
    while True:
        if hasattr(core, "module") and isinstance(core.module, nn.Module) and not hasattr(core, "config"):
            core = core.module
        elif type(core).__module__.startswith("peft.") and hasattr(core, "get_base_model"):
            core = core.get_base_model()
        else:
            return core


def device_of(model: nn.Module) -> torch.device:
    """The device of a model's first parameter."""
    return next(model.parameters()).device


def has_adapter(model: nn.Module) -> bool:
    """Whether the model is wrapped by PEFT, so that its adapter can be disabled."""
    return hasattr(model, "disable_adapter")


def without_adapter(model: nn.Module) -> AbstractContextManager[None]:
    """A context in which the adapter is disabled; without effect on a model that has none."""
    off: AbstractContextManager[None] = getattr(model, "disable_adapter", contextlib.nullcontext)()
    return off


def plain_layer(layer: Any) -> Any:
    """The layer inside PEFT's layers: what was there before an adapter was put on it."""
    while type(layer).__module__.startswith("peft."):
        inside = dict(layer.named_children())
        layer = next(inside[name] for name in ("original_module", "base_layer", "token_adapter") if name in inside)
    return layer


def vocabulary_size(core: Any) -> int:
    """The number of rows of a language model's input embedding."""
    return int(plain_layer(core.get_input_embeddings()).num_embeddings)


def reshard(model: nn.Module) -> None:
    """Free all gathered weights, so that ``parameters()`` are the shares and a change of them is seen."""
    from torch.distributed.fsdp import FSDPModule

    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()
    for parameter in model.parameters():
        # An adapter that is switched off while its weights are gathered and on again while they are not, or the other
        # way round, leaves its marks on the wrong one of the two.
        parameter.requires_grad_(getattr(parameter, "trained", parameter.requires_grad))
