"""The model that is trained."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from penchant.errors import ConfigurationError, ModelError
from penchant.likelihood.loading import load_model
from penchant.training.recipe import LoRA, Recipe

__all__ = ["load_policy"]


def load_policy(recipe: Recipe, model: Any, device: torch.device) -> nn.Module:
    """The recipe's model, or the one given in memory, with an adapter where the recipe asks for one.

    Args:
        recipe: the run.
        model: a model in memory, or None to load the recipe's.
        device: where to put it.

    Raises:
        ModelError: it cannot be loaded, or is not a model of transformers.
    """
    quantize = None if recipe.lora is None else recipe.lora.quantize
    if model is None:
        # Weights keep the number type they were saved in: autocast lowers the arithmetic, not what the optimizer
        # adds to.
        policy = load_model(recipe.model, quantize=quantize)
    elif isinstance(model, nn.Module) and hasattr(model, "config"):
        policy = model
    else:
        raise ModelError(
            f"The model is a {type(model).__name__}.",
            fix="Give a folder, a hub id, or a causal language model of transformers.",
        )
    if quantize is None:
        policy = policy.to(device)
    return policy if recipe.lora is None else _with_adapter(policy, recipe.lora)


def _with_adapter(policy: nn.Module, lora: LoRA) -> nn.Module:
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    if hasattr(policy, "disable_adapter"):
        raise ConfigurationError("The model already has an adapter, and the recipe asks for another (lora).")
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
