"""Checkpoints between rounds: written whole or not at all, read only if whole."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch

from penchant.errors import CheckpointError
from penchant.training.checkpoints import output_errors

__all__ = ["load_state", "save_state"]

KEPT = 2

log = logging.getLogger("penchant")


def save_state(folder: Path, iteration: int, state: dict[str, Any]) -> None:
    """Write the state before round ``iteration``, and delete those before the last two.

    Args:
        folder: where states lie; made where absent.
        iteration: number of rounds that are done.
        state: tensors, numbers, lists and dictionaries.

    Raises:
        OutputError: it cannot be written; the former states are untouched.
    """
    target = folder / f"state-{iteration:05d}.pt"
    draft = folder / f".{target.name}.part"
    with output_errors(target):
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(state, draft)
        draft.replace(target)
    for old in sorted(folder.glob("state-*.pt"))[:-KEPT]:
        old.unlink()


def load_state(folder: Path) -> tuple[int, dict[str, Any]] | None:
    """The newest state that can be read, with the number of rounds that are done; None where there is none.

    Args:
        folder: where states lie.

    Raises:
        CheckpointError: there are states, and none can be read.
    """
    found = sorted(folder.glob("state-*.pt"), reverse=True)
    for path in found:
        try:
            return int(path.stem.rsplit("-", 1)[1]), torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises many kinds for a damaged file
            log.warning("%s cannot be read (%s); falling back to the one before it.", path.name, type(error).__name__)
    if found:
        raise CheckpointError(
            "No state between rounds can be read.",
            where=str(folder),
            fix="Start again with --overwrite, or restore a state from a copy.",
        )
    return None
