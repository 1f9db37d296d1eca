"""The policy of text runs: loading a causal language model with an optional adapter, and its shape."""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import nn

from penchant.errors import ConfigurationError, ModelError
from penchant.likelihood.checkpoint import LANGUAGE_MODEL, check_config, check_finite
from penchant.likelihood.generation_settings import mend_generation_config
from penchant.likelihood.loading import load_model
from penchant.model_files import (
    check_weight_files,
    code_refused,
    first_line,
    needs_code,
    read_config,
    remote_code_allowed,
)

__all__ = ["check_files", "load_policy", "model_shape"]


log = logging.getLogger("penchant")


def load_policy(source: str, model: Any, lora: Any, device: torch.device) -> nn.Module:
    """A causal language model, loaded or given in memory, with an adapter if the recipe has one.

    Args:
        source: folder or hub id.
        model: a model in memory, or None to load it from ``source``.
        lora: the recipe's ``lora``, or None.
        device: the device of the model.

    Raises:
        ModelError: the model cannot be loaded, or is not a transformers model.
    """
    quantize = None if lora is None else lora.quantize
    if model is None:
        # Weights keep the number type they were saved in: autocast lowers the precision of the arithmetic, not of the
        # weights that the optimizer updates.
        policy = load_model(source, quantize=quantize)
    elif isinstance(model, nn.Module) and hasattr(model, "config"):
        policy = model
        check_finite(policy, source)
    else:
        raise ModelError(
            f"The model is a {type(model).__name__}.",
            fix="Give a folder, a hub id, or a causal language model of transformers.",
        )
    for note in mend_generation_config(policy):
        log.warning("%s", note)
    if quantize is None:
        policy = policy.to(device)
    return policy if lora is None else _with_adapter(policy, lora)


def _with_adapter(policy: nn.Module, lora: Any) -> nn.Module:
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    if hasattr(policy, "disable_adapter"):
        raise ConfigurationError("The model already has an adapter, and the recipe adds another one (lora).")
    if lora.quantize is not None:
        policy = prepare_model_for_kbit_training(policy)
    config = LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, lora_dropout=0.0, target_modules=lora.targets, task_type="CAUSAL_LM"
    )
    try:
        return get_peft_model(policy, config)  # type: ignore[arg-type]
    except ValueError as error:
        raise ConfigurationError(
            f"No adapter can be put on {lora.targets!r} ({str(error).splitlines()[0][:160]}).",
            where="lora.targets",
            fix="Use all-linear, or name layers of this model.",
        ) from error


def check_files(source: str) -> None:
    """Check that a folder holds the weights of a causal language model.

    Raises:
        ModelError: it does not.
    """
    check_weight_files(source, LANGUAGE_MODEL.none)


def model_shape(source: str) -> Any:
    """A causal language model without weights (meta device), to read its shape; only its configuration is read.

    Raises:
        ModelError: the source is not a causal language model.
    """
    from transformers import AutoModelForCausalLM

    config = read_config(source)
    check_config(config, LANGUAGE_MODEL, source)
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
