"""`load_model` and `load_reward_model`, which load models of transformers from a folder or the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from penchant.errors import ModelError, nearest
from penchant.likelihood.adapters import load_adapter
from penchant.likelihood.checkpoint import (
    LANGUAGE_MODEL,
    REWARD_BASE,
    REWARD_MODEL,
    REWARD_START,
    load_checkpoint,
)
from penchant.model_folders import adapter_config, base_error, base_of, trained_model

__all__ = ["load_base", "load_model", "load_reward_model"]

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def load_model(
    source: str | Path,
    *,
    dtype: str | None = None,
    quantize: str | None = None,
    device: str | None = None,
    base: str | None = None,
    headless: bool = False,
) -> Any:
    """Load a causal language model of transformers.

    Args:
        source: a folder written by ``save_pretrained``, or a hub id; of an adapter the result is a ``PeftModel``.
        dtype: ``float32``, ``bfloat16`` or ``float16``; the saved type by default.
        quantize: ``4bit`` (QLoRA, needs bitsandbytes and a GPU), or None.
        device: the device of the model; the CPU by default.
        base: for an adapter, its base; by default the one that its ``adapter_config.json`` names.
        headless: load the layers of a saved reward model, with an output head of zeros where it has none.

    Returns:
        The model, in evaluation mode.

    Raises:
        ModelError: the source is not a causal language model that can be loaded.
    """
    if adapter_config(source) is not None:
        return load_adapter(load_base(source, base, dtype=dtype, quantize=quantize, device=device), source)
    if dtype is not None and dtype not in DTYPES:
        raise ModelError(f"There is no number type {dtype!r}.", fix=nearest(dtype, DTYPES))
    folder = Path(source)
    if folder.exists() and not (folder / "config.json").is_file():
        raise ModelError(
            "This is not a model folder: it has no config.json.",
            where=str(source),
            fix=_what_to_give(source),
        )
    options: dict[str, Any] = {"dtype": DTYPES[dtype] if dtype else "auto"}
    if quantize is not None:
        options["quantization_config"] = _quantization(quantize, options["dtype"])
    model = load_checkpoint(source, REWARD_START if headless else LANGUAGE_MODEL, options)
    if headless and model.get_output_embeddings().weight is not model.get_input_embeddings().weight:
        model.get_output_embeddings().weight.data.zero_()
    if quantize is not None:
        keep_training_kernel(model)
    return (model if quantize or device is None else model.to(device)).eval()


def _what_to_give(source: Any) -> str:
    """The remedy for a folder that holds no model: that of a run has it inside."""
    if (run := trained_model(source)) != str(source):
        return f"Give {run}, the model of this run."
    return "Give a folder written by save_pretrained (config.json, model.safetensors, tokenizer.json)."


def load_base(source: str | Path, base: str | None = None, **options: Any) -> Any:
    """The model with the weights of a source: the source itself, or the base of an adapter, without the adapter.

    Args:
        source: folder or hub id of a model or an adapter.
        base: the adapter's base as the user names it.
        options: as for `load_model`.

    Raises:
        ModelError: it is not found, or cannot be loaded.
    """
    found = base_of(source, base)
    try:
        return load_model(found, **options)
    except ModelError as error:
        if adapter_config(source) is None or base is not None or Path(found).is_dir():
            raise
        raise base_error(source, found, error.what.rstrip(".")) from error


def load_reward_model(source: str | Path) -> Any:
    """Load a sequence-classification model of transformers, in float32 or its saved type.

    Args:
        source: a folder written by ``save_pretrained``, or a hub id; also of an adapter, which holds the head.

    Raises:
        ModelError: it cannot be loaded, or its head is not in the files.
    """
    options = {"dtype": "auto"}
    if (config := adapter_config(source)) is None:
        return load_checkpoint(source, REWARD_MODEL, options)
    if config.get("task_type") != "SEQ_CLS":
        raise ModelError(
            f"This adapter is of task type {config.get('task_type')}, expected SEQ_CLS.",
            where=str(source),
            why="Its folder has no head that gives a reward.",
            fix="Give the adapter of a reward model.",
        )
    # The head is one of the layers that the adapter's folder holds.
    return load_adapter(load_checkpoint(base_of(source), REWARD_BASE, options), source)


def keep_training_kernel(model: Any) -> None:
    """Let the quantized layers of bitsandbytes compute in evaluation as in training.

    On some CPUs they repack their weights for another kernel at the first evaluation: in bfloat16, for some shapes
    only, and without a way back to training.

    Args:
        model: changed in place.
    """
    for layer in model.modules():
        if getattr(layer, "support_avx512bf16_for_cpu", False):
            layer.support_avx512bf16_for_cpu = False


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
    # A CPU gains nothing from bfloat16 here: its kernel expands the weights first.
    own = torch.bfloat16 if torch.accelerator.is_available() else torch.float32
    compute = own if dtype == "auto" else dtype
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=compute, bnb_4bit_use_double_quant=True
    )
