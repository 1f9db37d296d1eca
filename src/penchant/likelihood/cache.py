"""Reference log-probabilities on disk: one SQLite file per model, one row per token sequence.

SQLite makes concurrent runs safe: writers queue, a value already there is kept, and a killed run leaves whole rows.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from penchant.errors import OutputError
from penchant.forest.layout import TokenSequence

__all__ = ["ReferenceCache", "default_folder", "fingerprint"]

# Entries of a configuration that change without the function of the model.
VOLATILE = (
    "_name_or_path",
    "transformers_version",
    "_diffusers_version",
    "_attn_implementation_autoset",
    "use_cache",
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


class ReferenceCache:
    """A store of per-token log-probabilities for one model.

    Args:
        folder: where the file lives; made if absent.
        model: the model's fingerprint; another model gets another file.

    Raises:
        OutputError: the folder cannot be written.
    """

    def __init__(self, folder: Path, model: str) -> None:
        self.path = Path(folder) / f"{model[:32]}.sqlite"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.connection = self._connect()
        except (OSError, sqlite3.OperationalError) as error:
            raise OutputError(
                f"The cache of reference log-probabilities cannot be written ({error}).",
                where=str(self.path),
                fix="Set PENCHANT_CACHE to a folder that can be written, or use anchor=initial.",
            ) from error

    def _connect(self) -> sqlite3.Connection:
        try:
            return self._open()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            # Not a database (any more): set it aside, every value in it can be computed again.
            self.path.replace(self.path.with_suffix(".corrupt"))
            for journal in ("-wal", "-shm"):
                # Left behind, they would be replayed into the new file.
                self.path.with_name(self.path.name + journal).unlink(missing_ok=True)
            return self._open()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=120, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("CREATE TABLE IF NOT EXISTS logps (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")
        return connection

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
        return [self._value(sequence) is not None for sequence in sequences]

    def get(self, sequences: Iterable[TokenSequence]) -> list[Tensor | None]:
        """[T] float32 log-probabilities of each response, None where unknown."""
        return [
            None if value is None else torch.from_numpy(np.frombuffer(value, np.float32).copy())
            for value in map(self._value, sequences)
        ]

    def put(self, sequences: Sequence[TokenSequence], values: Sequence[Tensor]) -> None:
        """Add values; one that another run has added meanwhile is kept."""
        rows = [
            (self.key(sequence), value.float().numpy().tobytes())
            for sequence, value in zip(sequences, values, strict=True)
        ]
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            self.connection.executemany("INSERT OR IGNORE INTO logps VALUES (?, ?)", rows)
            self.connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise OutputError(
                f"Reference log-probabilities cannot be kept ({error}).",
                where=str(self.path),
                fix="Free space on the disk, or set PENCHANT_CACHE to another folder.",
            ) from error

    def _value(self, sequence: TokenSequence) -> bytes | None:
        try:
            row = self.connection.execute("SELECT value FROM logps WHERE key = ?", (self.key(sequence),)).fetchone()
        except sqlite3.DatabaseError as error:
            raise OutputError(
                f"The cache of reference log-probabilities cannot be read ({error}).",
                where=str(self.path),
                fix="Delete this file; it will be filled again.",
            ) from error
        return None if row is None else row[0]

    def close(self) -> None:
        """Close the file."""
        self.connection.close()
