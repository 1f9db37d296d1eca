"""The identity of a run: an id that is drawn when the run starts, and kept in its folder."""

from __future__ import annotations

import hashlib
import json
import secrets
from pathlib import Path

__all__ = ["RUN_FILE", "new_run_id", "run_id"]

RUN_FILE = "run.json"
# Hexadecimal digits of an id: random ones, and a checksum of them.
RANDOM, CHECKSUM = 24, 8


def run_id(folder: Path) -> str | None:
    """The id of the run in a folder; None if it has none, or the file is damaged.

    Args:
        folder: of the run.
    """
    try:
        found = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    known = str(found.get("id", "")) if isinstance(found, dict) else ""
    return known if known and known == _with_checksum(known[:RANDOM]) else None


def new_run_id() -> str:
    """A new id, of 32 hexadecimal digits. The last eight are a checksum: a damaged id is not taken for another run's.

    Example:
        >>> len(new_run_id()), new_run_id() == new_run_id()
        (32, False)
    """
    return _with_checksum(secrets.token_hex(RANDOM // 2))


def _with_checksum(digits: str) -> str:
    return digits + hashlib.sha256(digits.encode("utf-8", "surrogatepass")).hexdigest()[:CHECKSUM]
