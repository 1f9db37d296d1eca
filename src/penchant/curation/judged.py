"""`Journal`: what judges have said so far, from which a stopped command goes on, and the names of judges."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from penchant.curation.kept import state_of
from penchant.feedback.records import Record
from penchant.writing import delete_kept, output_errors_of

__all__ = ["Journal", "content_key", "judge_identity", "names_of"]

Said = list[Any]


class Journal:
    """What judges have said, by content, in a file that grows line by line.

    A line that was not written to its end is passed over, and asked for again.

    Args:
        path: the file; None keeps nothing.

    Example:
        >>> journal = Journal(None)
        >>> journal.get("key") is None
        True
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._known: dict[str, Said] = {}
        if path is None or not path.is_file():
            return
        with path.open("rb") as lines:
            for line in lines:
                try:
                    key, said = json.loads(line)
                    self._known[key] = said
                except (ValueError, TypeError):
                    continue
        with output_errors_of(path, "The judgements"), path.open("ab") as file:
            file.write(b"\n")  # ends a line that was cut short

    def get(self, key: str) -> Said | None:
        """What was said under a key, or None."""
        return self._known.get(key)

    def put(self, key: str, said: Said) -> None:
        """Keep what was said; on the disk when this returns to the caller, but for the system's own buffers."""
        self._known[key] = said
        if self.path is not None:
            with output_errors_of(self.path, "The judgements"), self.path.open("ab") as file:
                file.write(json.dumps([key, said]).encode() + b"\n")

    def close(self) -> None:
        """Delete the file: the result is written."""
        if self.path is not None:
            delete_kept(self.path)


def names_of(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """A name for each judge, by which its results stand in a row: its kind or ``as``, numbered where it occurs again.

    Example:
        >>> names_of([{"name": "llm"}, {"name": "verifier"}, {"name": "llm"}])
        ['llm', 'verifier', 'llm-2']
    """
    found: list[str] = []
    counts: Counter[str] = Counter()
    for each in settings:
        name = str(each.get("as", each["name"]))
        counts[name] += 1
        found.append(name if counts[name] == 1 else f"{name}-{counts[name]}")
    return found


def judge_identity(settings: Mapping[str, Any], compare: bool) -> str:
    """A judge by its settings, and by the state of the files and folders that they name.

    Args:
        settings: of the judge.
        compare: whether it is asked for preferences.
    """
    named = {key: state_of(value) or _file_state(value) for key, value in settings.items() if isinstance(value, str)}
    return json.dumps([dict(settings), named, compare], sort_keys=True, default=str)


def content_key(identity: str, record: Record, responses: Sequence[Any]) -> str:
    """The key of what a judge says of the responses of a record: a hash of all that it may read."""
    content = json.dumps([identity, record.prompt, list(responses), dict(record.fields)], sort_keys=True, default=str)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()


def _file_state(value: str) -> list[int]:
    path = value.split(":")[0]  # a function is named by FILE:NAME
    if not os.path.isfile(path):
        return []
    found = os.stat(path)
    return [found.st_size, found.st_mtime_ns]
