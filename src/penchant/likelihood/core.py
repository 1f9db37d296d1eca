"""Access to the model inside adapters and wrappers, and evaluation without the adapter."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import nn

__all__ = [
    "cache_name",
    "cache_of",
    "core_model",
    "device_of",
    "has_adapter",
    "plain_layer",
    "reshard",
    "taken_by",
    "vocabulary_size",
    "without_adapter",
]


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


def taken_by(model: Any) -> Collection[str]:
    """The names of what a model's ``forward`` takes; those of the model inside of an adapter, which passes all on.

    Args:
        model: of transformers, possibly with an adapter around it.
    """
    return inspect.signature(core_model(model).forward).parameters.keys()


def cache_name(model: Any) -> str:
    """What a model's ``forward`` calls its cache: ``past_key_values``, and ``cache`` from transformers 5.24 on."""
    return "cache" if "cache" in taken_by(model) else "past_key_values"


def cache_of(output: Any) -> Any:
    """The cache in a model's output, under either name; None if there is none."""
    found = getattr(output, "cache", None)
    return getattr(output, "past_key_values", None) if found is None else found
