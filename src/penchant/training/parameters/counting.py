"""`weight_count`: how many numbers the weights in a folder are."""

from __future__ import annotations

import math
from pathlib import Path

from penchant.errors import ModelError

__all__ = ["weight_count"]


def weight_count(folder: Path) -> int:
    """The numbers in the weights of a saved model, from the headers of its files; nothing is loaded.

    Args:
        folder: with ``model*.safetensors``.

    Raises:
        ModelError: it has no such file.
    """
    from safetensors import safe_open

    files = sorted(folder.glob("model*.safetensors"))
    if not files:
        raise ModelError(
            "The folder has no model*.safetensors, so that its weights cannot be counted.",
            where=str(folder),
            fix="Save whole models: train without adapters, or merge them.",
        )
    found = 0
    for path in files:
        with safe_open(str(path), framework="pt") as opened:
            found += sum(math.prod(opened.get_slice(name).get_shape()) for name in opened.keys())  # noqa: SIM118
    return found
