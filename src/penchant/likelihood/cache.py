"""`ReferenceCache`: reference log-probabilities on disk, one file per model, one row per token sequence."""

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
from penchant.likelihood.start import inert_weights
from penchant.likelihood.store import Store

__all__ = ["ReferenceCache", "default_folder", "fingerprint", "tokens_folder"]

# Entries of a configuration that do not affect the outputs of the model.
VOLATILE = (
    "_name_or_path",
    "transformers_version",
    "_diffusers_version",
    "_attn_implementation_autoset",
    "use_cache",
    # The values that diffusers filled in; their order differs between processes.
    "_use_default_values",
)


def tokens_folder(named: str | None) -> Path:
    """The folder ``tokens`` of the cache.

    Args:
        named: the cache folder that a recipe names, or None for the default one.
    """
    return (default_folder() if named is None else Path(named)) / "tokens"


def default_folder() -> Path:
    """``$PENCHANT_CACHE``, or ``penchant/reference`` in the user's cache folder."""
    if named := os.environ.get("PENCHANT_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "penchant" / "reference"


def fingerprint(model: Any) -> str:
    """SHA-256 of a model's configuration, number types and all weights.

    Weights of an adapter that have no effect (see `inert_weights`) are excluded: with a fresh adapter the reference is
    the base model.
    """
    digest = hashlib.sha256()
    config = dict(model.config) if isinstance(model.config, Mapping) else model.config.to_dict()
    for volatile in VOLATILE:
        config.pop(volatile, None)
    digest.update(json.dumps(config, sort_keys=True, default=str).encode())
    inert = inert_weights(model)
    virtual = getattr(model, "virtual_tokens", None)  # of an adapter around the model
    own = {**({} if virtual is None else virtual.state()), **model.state_dict()}
    weights = {_plain(name): value for name, value in own.items() if name not in inert}
    for name, value in sorted(weights.items()):
        digest.update(f"{name}:{value.dtype}:{tuple(value.shape)}".encode())
        # FSDP2 divides weights over processes.
        value = value.full_tensor() if hasattr(value, "full_tensor") else value
        flat = value.detach().contiguous().view(-1).cpu()
        digest.update(flat.view(torch.uint8).numpy().data if flat.numel() else b"")
    if any("lora_" in name for name in weights):
        scales = {
            name: (layer.scaling, layer.active_adapters) for name, layer in model.named_modules() if _scaled(layer)
        }
        digest.update(json.dumps(scales, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def _plain(name: str) -> str:
    """The name of a weight in the model without an adapter."""
    return name.replace(".base_layer", "").replace(".original_module", "")


def _scaled(layer: Any) -> bool:
    """Whether a layer has adapters with scales."""
    return hasattr(layer, "scaling") and hasattr(layer, "active_adapters")


class ReferenceCache(Store):
    """A store of per-token log-probabilities of one model.

    Args:
        folder: folder of the file; created if absent.
        model: the model's fingerprint; each model has its own file.

    Raises:
        OutputError: the folder cannot be written.
    """

    subject = "reference log-probabilities"
    way_out = "Set PENCHANT_CACHE to a writable folder, or use reference=initial."
    table = "hashed_logps"  # that of earlier versions, logps, has no hashes

    def __init__(self, folder: Path, model: str) -> None:
        super().__init__(Path(folder) / f"{model[:32]}.sqlite")

    @staticmethod
    def key(sequence: TokenSequence) -> bytes:
        """The key of a sequence: a hash of its token ids, of the boundary between prompt and response, and its mask."""
        digest = hashlib.sha256()
        # Where everything is learned the key has no mask, as before there were masks.
        masks = [] if sequence.learned is None else [sequence.learned]
        for part in (sequence.prompt, sequence.response, *masks):
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(np.asarray(part, np.int64).tobytes())
        return digest.digest()

    def has(self, sequences: Sequence[TokenSequence]) -> list[bool]:
        """Whether the cache contains each sequence."""
        return [self.read(self.key(sequence)) is not None for sequence in sequences]

    def get(self, sequences: Iterable[TokenSequence]) -> list[Tensor | None]:
        """[T] float32 log-probabilities of each response's learned tokens, None for a sequence not in the cache."""
        values = (self.read(self.key(sequence)) for sequence in sequences)
        return [
            None if value is None else torch.from_numpy(np.frombuffer(value, np.float32).copy()) for value in values
        ]

    def put(self, sequences: Sequence[TokenSequence], values: Sequence[Tensor]) -> None:
        """Add values; a value that another run has added in the meantime is kept."""
        self.write(
            [
                (self.key(sequence), value.float().numpy().tobytes())
                for sequence, value in zip(sequences, values, strict=True)
            ]
        )
