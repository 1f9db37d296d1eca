"""LoRA adapters of denoisers: putting one on, and saving it as diffusers loads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from penchant.errors import ConfigurationError
from penchant.likelihood.adapters import add_adapter, lora_config

__all__ = ["save_lora", "with_adapter"]


def with_adapter(network: nn.Module, lora: Any) -> nn.Module:
    """A denoiser with a new adapter; its own weights are frozen.

    Args:
        network: a diffusers UNet or transformer.
        lora: the recipe's key ``lora``.

    Raises:
        ConfigurationError: settings that a denoiser does not have, or that do not fit it.
    """
    if lora.kind != "lora":
        raise ConfigurationError(
            f"A denoiser is trained with LoRA, not with {lora.kind!r}.", where="lora.kind", fix="Remove it."
        )
    if lora.quantize is not None:
        raise ConfigurationError("A denoiser cannot be loaded quantized.", where="lora.quantize", fix="Remove it.")
    # "all-linear" would include the layers of the timestep embedding; adapters are put on the attention layers only.
    targets = ["to_q", "to_k", "to_v", "to_out.0"] if lora.targets == "all-linear" else lora.targets
    if lora.dropout:
        raise ConfigurationError(
            f"lora.dropout is {lora.dropout:g}, but images are trained without dropout.",
            where="lora.dropout",
            why="Policy and reference would not be compared on equal terms.",
            fix="Remove it.",
        )
    adapted: nn.Module = add_adapter(network, lora_config(lora.peft, target_modules=targets))
    return adapted


def save_lora(pipeline: Any, name: str, policy: Any, folder: Path) -> None:
    """Save the adapter of a denoiser as PEFT loads it and, where diffusers can, as ``load_lora_weights`` does.

    Args:
        pipeline: the pipeline of the denoiser.
        name: the denoiser's name in it, ``unet`` or ``transformer``.
        policy: the denoiser with its adapter.
        folder: created if it is not there.
    """
    from peft.utils import get_peft_model_state_dict

    policy.save_pretrained(folder)
    if not hasattr(pipeline, "save_lora_weights"):
        return  # the pipeline has no load_lora_weights either
    prefix = "base_model.model."
    weights = {key.removeprefix(prefix): value for key, value in get_peft_model_state_dict(policy).items()}
    # With the configuration: the scale of the adapter is not in its weights.
    stated = policy.peft_config[policy.active_adapter].to_dict()
    stated = {key: sorted(value) if isinstance(value, set) else value for key, value in stated.items()}
    pipeline.save_lora_weights(str(folder), **{f"{name}_lora_layers": weights, f"{name}_lora_adapter_metadata": stated})
