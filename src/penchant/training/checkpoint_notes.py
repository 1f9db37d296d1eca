"""`Notes`: what a checkpoint keeps besides the state of the training, so that a resumed run forgets nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

__all__ = ["NOTES_FILE", "Notes"]

NOTES_FILE = "notes.json"


class Remembers(Protocol):
    """Has a state of JSON values, and takes it back."""

    def state(self) -> dict[str, Any]: ...
    def restore(self, state: Mapping[str, Any]) -> None: ...


@dataclass
class Notes:
    """Whose a checkpoint is, and the warnings and alarms of the run up to it.

    Args:
        about: the run, and fingerprints of what its result depends on; part of each checkpoint's manifest.
        warnings: of the run; the list grows while it goes on.
        alarms: their state is kept too; None for a run without them.
        metrics: a log whose lines are kept too, for a run whose checkpoints do not hold it otherwise.
    """

    about: Mapping[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    alarms: Remembers | None = None
    metrics: Path | None = None

    def state(self) -> dict[str, Any]:
        """JSON values: the warnings and the state of the alarms, and the lines of the log."""
        return {
            "warnings": list(self.warnings),
            "alarms": None if self.alarms is None else self.alarms.state(),
            "metrics": None if self.metrics is None else _lines(self.metrics),
        }

    def restore(self, state: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Put earlier warnings before those of this process, each once, and restore the alarms.

        Args:
            state: as `state` gives it.

        Returns:
            The rows of the log, if it was kept.
        """
        former = list(state.get("warnings") or [])
        self.warnings[:] = [*former, *(text for text in self.warnings if text not in former)]
        if self.alarms is not None and state.get("alarms") is not None:
            self.alarms.restore(state["alarms"])
        return [json.loads(line) for line in state.get("metrics") or []]

    def write(self, folder: Path) -> None:
        """Write the notes into the folder of a checkpoint, before it is sealed."""
        (folder / NOTES_FILE).write_text(json.dumps(self.state()), encoding="utf-8")

    def read(self, folder: Path) -> list[dict[str, Any]]:
        """Restore the notes of a sound checkpoint; one of an earlier version has none.

        Args:
            folder: of the checkpoint.

        Returns:
            The rows of the log, if it was kept.
        """
        path = folder / NOTES_FILE
        return self.restore(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else []


def _lines(path: Path) -> list[str]:
    """The complete lines of a log."""
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8", errors="replace")
    return text[: text.rfind("\n") + 1].splitlines()
