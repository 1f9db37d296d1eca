"""Results of long work that are kept on disk until all of it is done, so that a stopped run continues."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penchant.errors import OutputError
from penchant.evaluation.rows import ScoredRows
from penchant.feedback.collection import Feedback

__all__ = ["KeptScores"]


class KeptScores:
    """Scores by model, in one JSON file.

    Args:
        path: the file; None keeps nothing.
        feedback: what is scored; scores of anything else are not taken for its own.
        options: how it is scored; the same holds.

    Example:
        >>> kept = KeptScores(None, Feedback([], kind="comparison"), {})
        >>> kept.get("model") is None
        True
    """

    def __init__(self, path: Path | None, feedback: Feedback, options: Mapping[str, Any]) -> None:
        self.path = path
        said = json.dumps([feedback.fingerprint, [str(each.source) for each in feedback], options], default=str)
        self._key = hashlib.sha256(said.encode()).hexdigest()
        self._known: dict[str, Any] = {}
        if path is not None and path.is_file():
            try:
                found = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):  # half a file: the work is done again
                found = {}
            if isinstance(found, dict) and found.get("of") == self._key:
                self._known = found["scores"]

    def get(self, model: str) -> ScoredRows | None:
        """The scores under a model, where they are there."""
        found = self._known.get(model)
        if found is None or found["state"] != _state(model):
            return None
        return ScoredRows(found["rows"], found["kind"], found["cut"])

    def put(self, model: str, scored: ScoredRows) -> None:
        """Keep the scores under a model.

        Raises:
            OutputError: the file cannot be written.
        """
        numbers = {"rows": scored.rows, "kind": scored.kind, "cut": scored.cut}
        self._known[model] = {"state": _state(model), **numbers}
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(json.dumps({"of": self._key, "scores": self._known}), encoding="utf-8")
        except OSError as error:
            raise OutputError(f"Results cannot be kept: {error.strerror or error}.", where=str(self.path)) from error


def _state(model: str) -> list[list[str | int]]:
    """What shows that a model's folder has been written to since; of a hub id nothing."""
    folder = Path(model)
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return [[each.name, each.stat().st_size, each.stat().st_mtime_ns] for each in files]
