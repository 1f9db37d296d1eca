"""Number types: how a model's weights are stored, and the type of the forward pass."""

from __future__ import annotations

import logging
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import torch

from penchant.documents import json_document
from penchant.errors import ModelError
from penchant.model_files import read_config

__all__ = ["REDUCED", "forward_type", "stored_type", "warn_of_stored", "weights_in_words"]

log = logging.getLogger("penchant")

# Bytes; safetensors reads no longer header.
LONGEST_HEADER = 100_000_000

#: Number types with fewer bits than float32.
REDUCED = {"bfloat16": torch.bfloat16, "float16": torch.float16}
# As safetensors writes them.
HEADER_NAMES = {"F32": "float32", "BF16": "bfloat16", "F16": "float16", "F64": "float64"}


def stored_type(source: str, model: Any = None) -> str | None:
    """The number type of most of a model's weights, without loading them.

    Args:
        source: a folder or hub id.
        model: a model in memory, or None.

    Returns:
        ``float32``, ``bfloat16``, ``float16`` or ``float64``; None if it is unknown.
    """
    if model is not None:
        counted: Counter[str] = Counter()
        for weight in model.parameters():
            if weight.is_floating_point():
                counted[str(weight.dtype).removeprefix("torch.")] += weight.numel()
        return _most(counted)
    # transformers loads weights in the configured type, and in that of the files only where none is configured.
    if (configured := _configured(source)) is not None:
        return configured
    in_files: Counter[str] = Counter()
    for file in Path(source).glob("*.safetensors"):
        in_files += _numbers_in(file)
    return _most(in_files)


def _most(counted: Counter[str]) -> str | None:
    return counted.most_common(1)[0][0] if counted else None


def _numbers_in(file: Path) -> Counter[str]:
    """How many numbers of each type a safetensors file has, from its header."""
    counted: Counter[str] = Counter()
    try:
        with file.open("rb") as opened:
            (length,) = struct.unpack("<Q", opened.read(8))
            header = json_document(opened.read(min(length, LONGEST_HEADER)))
        for name, entry in header.items():
            kind = HEADER_NAMES.get(entry.get("dtype", "")) if name != "__metadata__" else None
            if kind is not None:
                counted[kind] += (entry["data_offsets"][1] - entry["data_offsets"][0]) // int(kind[-2:]) * 8
    except (OSError, ValueError, struct.error, MemoryError):  # loading the model reports damaged files
        return Counter()
    return counted


def _configured(source: str) -> str | None:
    try:
        config = read_config(source)
    except ModelError:  # loading the model reports it
        return None
    named = getattr(config.get_text_config(), "dtype", None)
    return None if named is None else str(named).removeprefix("torch.")


def forward_type(stored: str | None, weights: str, precision: str | None, device: torch.device) -> str | None:
    """The number type in which autocast computes the forward pass.

    By default a GPU computes in the stored type, and a CPU in float32: there the steps of a small learning rate show at
    once, while a rounded forward pass shows them only when they add up to half the distance between two numbers.

    Args:
        stored: type of the stored weights.
        weights: ``float32`` or ``stored``.
        precision: the recipe's, or None.
        device: where the model computes.

    Returns:
        ``bfloat16`` or ``float16``; None without autocast: float32 for float32 weights, else the weights' own type.

    Example:
        >>> forward_type("bfloat16", "float32", None, torch.device("cuda"))
        'bfloat16'
        >>> forward_type("bfloat16", "float32", None, torch.device("cpu"))
    """
    if precision is not None:
        if precision == "float16" and device.type == "cpu":
            log.warning("On a CPU there is no training in float16: the forward pass is computed in float32.")
            return None
        return precision if precision in REDUCED else None
    return stored if weights == "float32" and stored in REDUCED and device.type != "cpu" else None


def warn_of_stored(stored: str | None, adapted: bool) -> None:
    """Warn where reduced weights are trained as they are stored.

    Args:
        stored: their number type.
        adapted: whether an adapter is trained instead.
    """
    if stored in REDUCED and not adapted:
        digits = 8 if stored == "bfloat16" else 11
        log.warning(
            "The weights are trained in %s, as they are stored: a number has %d significant bits, so most steps of a "
            "small learning rate are lost, and others are far too large. weights=float32 trains exactly.",
            stored,
            digits,
        )


def weights_in_words(
    stored: str | None, weights: str, precision: str | None, adapter: Any, parameters: int
) -> dict[str, str]:
    """A row of a dry run about reduced number types, with what float32 masters cost; empty for float32 weights.

    Args:
        stored: type of the stored weights.
        weights: the recipe's ``weights``.
        precision: type of the forward pass under autocast, or None.
        adapter: the recipe's adapter, or None.
        parameters: number of the model's weights.
    """
    if stored not in REDUCED:
        return {}
    if adapter is not None:
        said = f"stored as {stored}; the adapter is trained in float32"
    elif weights == "stored":
        said = f"stored and trained in {stored}: most steps of a small learning rate are lost (see weights)"
    else:
        # 2 bytes more for each weight, its gradient and both averages of the optimizer.
        cost = parameters * 2 * 4 / 2**30
        forward = precision or "float32"
        said = f"stored as {stored}, trained in float32 ({cost:.2f} GiB more than weights=stored), forward in {forward}"
    return {"number types": said}
