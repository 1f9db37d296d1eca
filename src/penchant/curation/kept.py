"""`KeptScores`: scores stored on disk until a build is complete, so that a stopped build can continue."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from penchant.documents import json_document
from penchant.evaluation.rows import ScoredRows
from penchant.feedback.collection import Feedback
from penchant.writing import write_json

__all__ = ["KeptScores", "state_of"]


class KeptScores:
    """Scores by model, in one JSON file.

    Args:
        path: the file; None stores nothing.
        feedback: the scored feedback; stored scores of other feedback are ignored.
        options: settings of scoring; stored scores with other settings are ignored.

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
                found = json_document(path.read_text(encoding="utf-8"))
            except (OSError, ValueError):  # an incomplete file is ignored
                found = {}
            if isinstance(found, dict) and found.get("of") == self._key:
                self._known = found["scores"]

    def get(self, model: str) -> ScoredRows | None:
        """The stored scores under a model, or None."""
        found = self._known.get(model)
        if found is None or found["state"] != state_of(model):
            return None
        return ScoredRows(found["rows"], found["kind"], found["cut"])

    def put(self, model: str, scored: ScoredRows) -> None:
        """Store the scores under a model.

        Raises:
            OutputError: the file cannot be written.
        """
        numbers = {"rows": scored.rows, "kind": scored.kind, "cut": scored.cut}
        self._known[model] = {"state": state_of(model), **numbers}
        if self.path is None:
            return
        write_json(self.path, {"of": self._key, "scores": self._known}, "Results", indent=None)


def state_of(model: str) -> list[list[str | int]]:
    """A fingerprint of a model's folder, which changes when its files change; empty for a hub id."""
    folder = Path(model)
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return [[each.name, each.stat().st_size, each.stat().st_mtime_ns] for each in files]
