"""What a stage of `penchant evaluate` found, for the table of its pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["FIGURES", "judged_of"]

#: Figures of a checkpoint, by their keys in the evaluation's file.
FIGURES = {"score": "score", "reference_score": "reference's", "judge/win_rate": "win rate"}


def judged_of(command: tuple[str, ...], output: Path) -> list[dict[str, Any]]:
    """The figures of each checkpoint that a command judged, with its name; what the judge has not said is absent.

    Args:
        command: the words of the stage's last command.
        output: its file.

    Returns:
        Empty for commands that judge nothing.
    """
    if command[0] != "evaluate":
        return []
    rows = json.loads(output.read_text(encoding="utf-8"))
    kept = [{key: row[key] for key in ("name", *FIGURES) if row.get(key) is not None} for row in rows]
    return [row for row in kept if len(row) > 1]
