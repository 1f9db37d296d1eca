"""The policy of text runs: loading a causal language model with an optional adapter, and its memory estimate."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from penchant.errors import ModelError
from penchant.likelihood.adapters import load_adapter
from penchant.likelihood.loading import load_base
from penchant.modalities.adapter_choice import check_choice, prepared_for_adapter, trained_rank, with_adapter
from penchant.model_folders import adapter_config, base_of

__all__ = ["load_policy", "memory_estimate", "model_shape"]


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
        # Weights keep the number type they were saved in: autocast lowers the precision of the arithmetic, not of the
        # weights that the optimizer updates.
        policy = load_base(settings.model, settings.base, quantize=quantize)
    elif isinstance(model, nn.Module) and hasattr(model, "config"):
        policy = model
    else:
        raise ModelError(
            f"The model is a {type(model).__name__}.",
            fix="Give a folder, a hub id, or a causal language model of transformers.",
        )
    policy = policy.to(device) if quantize is None else prepared_for_adapter(policy)
    if model is None and adapter_config(settings.model) is not None:
        policy = load_adapter(policy, settings.model, trainable=settings.adapter in (None, "continue"))
    return with_adapter(policy, settings.lora, settings.adapter)


def model_shape(source: str, base: str | None = None) -> Any:
    """A causal language model without weights (meta device), to read its shape.

    Args:
        source: folder or hub id; of an adapter, the shape is that of its base.
        base: the adapter's base as the user names it.

    Raises:
        ModelError: the source is not a causal language model.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config = AutoConfig.from_pretrained(base_of(source, base))
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(config)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0][:200]
        raise ModelError(
            f"No causal language model can be loaded from here ({reason}).", where=source, fix="Check the path."
        ) from error


def memory_estimate(settings: Any, config: Any, parameters: int, tokens: int) -> dict[str, float]:
    """Estimated memory in bytes by purpose, within a factor of about two.

    Args:
        settings: the run's settings.
        config: the model's configuration.
        parameters: number of parameters of the model.
        tokens: number of tokens of the largest micro-batch.
    """
    text = config.get_text_config()
    width = 2 if settings.precision in ("bfloat16", "float16") else 4
    weights = parameters * (0.6 if settings.lora is not None and settings.lora.quantize else 4)
    rank = trained_rank(settings)
    trained = parameters if rank is None else parameters * min(1.0, 0.002 * rank)
    layers, hidden = text.num_hidden_layers, text.hidden_size
    # About 16 hidden-size activations per layer and token are kept for backward; one with checkpointing.
    kept = tokens * layers * hidden * width * (1 if settings.gradient_checkpointing else 16)
    needs_copy = settings.reference in (None, "initial") and rank is None
    needs_copy = needs_copy or getattr(settings.reference, "cached", True) is False
    return {
        "weights": weights,
        "gradients": trained * 4,
        "optimizer": trained * 8,
        "reference": weights if needs_copy else 0.0,
        "activations": kept,
        "logits": float(min(tokens * text.vocab_size * 4 * 2, 512 * 2**20)),
    }
