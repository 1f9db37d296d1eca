"""`load_model` and `load_reward_model`, which load models of transformers from a folder or the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from penchant.errors import ModelError, nearest
from penchant.likelihood.checkpoint import LANGUAGE_MODEL, REWARD_MODEL, load_checkpoint

__all__ = ["load_model", "load_reward_model"]

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def load_model(
    source: str | Path, *, dtype: str | None = None, quantize: str | None = None, device: str | None = None
) -> Any:
    """Load a causal language model of transformers.

    Args:
        source: a folder written by ``save_pretrained``, or a hub id.
        dtype: ``float32``, ``bfloat16`` or ``float16``; the saved type by default.
        quantize: ``4bit`` (QLoRA, needs bitsandbytes and a GPU), or None.
        device: the device of the model; the CPU by default.

    Returns:
        The model, in evaluation mode.

    Raises:
        ModelError: the source is not a causal language model that can be loaded.
    """
    if dtype is not None and dtype not in DTYPES:
        raise ModelError(f"There is no number type {dtype!r}.", fix=nearest(dtype, DTYPES))
    folder = Path(source)
    if folder.exists() and not (folder / "config.json").is_file():
        raise ModelError(
            "This is not a model folder: it has no config.json.",
            where=str(source),
            fix="Give a folder written by save_pretrained (config.json, model.safetensors, tokenizer.json).",
        )
    options: dict[str, Any] = {"dtype": DTYPES[dtype] if dtype else "auto"}
    if quantize is not None:
        options["quantization_config"] = _quantization(quantize, options["dtype"])
    model = load_checkpoint(source, LANGUAGE_MODEL, options)
    return (model if quantize or device is None else model.to(device)).eval()


def load_reward_model(source: str | Path) -> Any:
    """Load a sequence-classification model of transformers, in float32 or its saved type.

    Args:
        source: a folder written by ``save_pretrained``, or a hub id.

    Raises:
        ModelError: it cannot be loaded, or its head is not in the files.
    """
    return load_checkpoint(source, REWARD_MODEL, {"dtype": "auto"})


def _quantization(kind: str, dtype: Any) -> Any:
    if kind != "4bit":
        raise ModelError(f"There is no quantization {kind!r}.", fix=nearest(kind, ["4bit"]))
    try:
        import bitsandbytes  # noqa: F401
        from transformers import BitsAndBytesConfig
    except ImportError as error:
        raise ModelError(
            "Quantized training (QLoRA) needs the package bitsandbytes.", fix="pip install 'penchant[quantized]'"
        ) from error
    compute = torch.bfloat16 if dtype == "auto" else dtype
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=compute, bnb_4bit_use_double_quant=True
    )
