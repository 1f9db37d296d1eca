"""Reference log-probabilities on disk: one file per model, one row per token sequence."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from penchant.forest.layout import TokenSequence
from penchant.likelihood.store import Store

__all__ = ["ReferenceCache", "default_folder", "fingerprint"]

# Entries of a configuration that change without the function of the model.
VOLATILE = (
    "_name_or_path",
    "transformers_version",
    "_diffusers_version",
    "_attn_implementation_autoset",
    "use_cache",
    # Which values diffusers filled in; their order differs from process to process.
    "_use_default_values",
)


def default_folder() -> Path:
    """``$PENCHANT_CACHE``, or ``penchant/reference`` in the user's cache folder."""
    if named := os.environ.get("PENCHANT_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "penchant" / "reference"


def fingerprint(model: Any) -> str:
    """SHA-256 of a model's configuration, number types and every weight: equal exactly for equal functions.

    Adapters are left out: the reference is the model beneath them.
    """
    digest = hashlib.sha256()
    config = dict(model.config) if isinstance(model.config, Mapping) else model.config.to_dict()
    for volatile in VOLATILE:
        config.pop(volatile, None)
    digest.update(json.dumps(config, sort_keys=True, default=str).encode())
    for name, value in sorted(model.state_dict().items()):
        if "lora_" in name:
            continue
        name = name.replace(".base_layer", "")
        digest.update(f"{name}:{value.dtype}:{tuple(value.shape)}".encode())
        flat = value.detach().contiguous().view(-1).cpu()
        digest.update(flat.view(torch.uint8).numpy().data if flat.numel() else b"")
    return digest.hexdigest()


class ReferenceCache(Store):
    """A store of per-token log-probabilities for one model.

    Args:
        folder: where the file lives; made if absent.
        model: the model's fingerprint; another model gets another file.

    Raises:
        OutputError: the folder cannot be written.
    """

    subject = "reference log-probabilities"
    way_out = "Set PENCHANT_CACHE to a folder that can be written, or use reference=initial."
    table = "logps"

    def __init__(self, folder: Path, model: str) -> None:
        super().__init__(Path(folder) / f"{model[:32]}.sqlite")

    @staticmethod
    def key(sequence: TokenSequence) -> bytes:
        """A sequence's key: a hash of its token ids, with the boundary between prompt and response."""
        digest = hashlib.sha256()
        for part in sequence:
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(np.asarray(part, np.int64).tobytes())
        return digest.digest()

    def has(self, sequences: Sequence[TokenSequence]) -> list[bool]:
        """Which sequences are known."""
        return [self.read(self.key(sequence)) is not None for sequence in sequences]

    def get(self, sequences: Iterable[TokenSequence]) -> list[Tensor | None]:
        """[T] float32 log-probabilities of each response, None where unknown."""
        values = (self.read(self.key(sequence)) for sequence in sequences)
        return [
            None if value is None else torch.from_numpy(np.frombuffer(value, np.float32).copy()) for value in values
        ]

    def put(self, sequences: Sequence[TokenSequence], values: Sequence[Tensor]) -> None:
        """Add values; one that another run has added meanwhile is kept."""
        self.write(
            [
                (self.key(sequence), value.float().numpy().tobytes())
                for sequence, value in zip(sequences, values, strict=True)
            ]
        )
