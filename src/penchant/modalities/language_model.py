"""The policy of text runs: loading a causal language model with an optional adapter, and its shape."""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import nn

from penchant.errors import ModelError
from penchant.likelihood.adapters import load_adapter
from penchant.likelihood.checkpoint import LANGUAGE_MODEL, REWARD_START, check_config, check_finite
from penchant.likelihood.core import core_model
from penchant.likelihood.counted_dropout import add_counted_dropout
from penchant.likelihood.generation_settings import mend_generation_config
from penchant.likelihood.loading import load_base
from penchant.likelihood.reward_folder import is_saved_classifier
from penchant.modalities.adapter_choice import check_choice, prepared_for_adapter, with_adapter
from penchant.model_files import (
    check_weight_files,
    code_refused,
    first_line,
    needs_code,
    read_config,
    remote_code_allowed,
)
from penchant.model_folders import adapter_config, base_of

__all__ = ["check_files", "load_policy", "model_shape"]


log = logging.getLogger("penchant")


def load_policy(settings: Any, model: Any, device: torch.device) -> nn.Module:
    """A causal language model, loaded or given in memory, with the adapter that the recipe trains.

    Args:
        settings: the recipe.
        model: a model in memory, or None to load the recipe's.
        device: the device of the model.

    Raises:
        ModelError: the model cannot be loaded, or is not a transformers model.
        ConfigurationError: the model does not fit the recipe's ``lora`` and ``adapter``.
    """
    quantize = None if settings.lora is None else settings.lora.quantize
    check_choice(settings.adapter, quantize)
    if model is None:
        headless = is_saved_classifier(settings.model)
        policy = load_base(settings.model, settings.base, quantize=quantize, headless=headless)
    elif isinstance(model, nn.Module) and hasattr(model, "config"):
        policy = model
        check_finite(policy, settings.model)
    else:
        raise ModelError(
            f"The model is a {type(model).__name__}.",
            fix="Give a folder, a hub id, or a causal language model of transformers.",
        )
    for note in mend_generation_config(core_model(policy)):
        log.warning("%s", note)
    policy = policy.to(device) if quantize is None else prepared_for_adapter(policy)
    if model is None and adapter_config(settings.model) is not None:
        policy = load_adapter(policy, settings.model, trainable=settings.adapter in (None, "continue"))
    policy = with_adapter(policy, settings.lora, settings.adapter)
    if settings.lora is not None and settings.lora.dropout:
        add_counted_dropout(policy, settings.lora.dropout, settings.seed)
    return policy


def check_files(source: str, base: str | None = None) -> None:
    """Check that a folder holds the weights of a causal language model.

    Args:
        source: folder or hub id; of an adapter, its base is checked.
        base: the adapter's base as the user names it.

    Raises:
        ModelError: it does not.
    """
    check_weight_files(base_of(source, base), LANGUAGE_MODEL.none)


def model_shape(source: str, base: str | None = None) -> Any:
    """A causal language model without weights (meta device), to read its shape; only its configuration is read.

    Args:
        source: folder or hub id; of an adapter, the shape is that of its base.
        base: the adapter's base as the user names it.

    Raises:
        ModelError: the source is not a causal language model.
    """
    from transformers import AutoModelForCausalLM

    source = base_of(source, base)
    config = read_config(source)
    check_config(config, REWARD_START if is_saved_classifier(source) else LANGUAGE_MODEL, source)
    try:
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(config, trust_remote_code=remote_code_allowed())
    except (OSError, ValueError) as error:
        raise (
            code_refused(source)
            if needs_code(error)
            else ModelError(
                f"No causal language model can be loaded from here ({first_line(error, 200)}).",
                where=source,
                fix="Check the path.",
            )
        ) from error
