"""The identity of a run: an id that is drawn when the run starts, and kept in its folder."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

__all__ = ["RUN_FILE", "new_run_id", "run_id"]

RUN_FILE = "run.json"


def run_id(folder: Path) -> str | None:
    """The id of the run in a folder; None if it has none, or the file cannot be read.

    Args:
        folder: of the run.
    """
    try:
        found = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return str(found["id"]) if isinstance(found, dict) and "id" in found else None


def new_run_id() -> str:
    """A new id, of 16 hexadecimal digits.

    Example:
        >>> len(new_run_id()), new_run_id() == new_run_id()
        (16, False)
    """
    return secrets.token_hex(8)
