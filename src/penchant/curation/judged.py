"""What judges say of every record, as rows, and the journal from which a stopped run goes on."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from penchant.curation.kept import state_of
from penchant.curation.rows import as_row
from penchant.errors import DataError
from penchant.feedback.records import Record
from penchant.feedback.views.view import supplied_texts
from penchant.rewards.judge import Judge
from penchant.rewards.scores import compared, scored

__all__ = ["Journal", "judged_rows", "names_of"]

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
        with path.open("ab") as file:
            file.write(b"\n")  # ends a line that was cut short

    def get(self, key: str) -> Said | None:
        """What was said under a key, or None."""
        return self._known.get(key)

    def put(self, key: str, said: Said) -> None:
        """Keep what was said; on the disk when this returns to the caller, but for the system's own buffers."""
        self._known[key] = said
        if self.path is not None:
            with self.path.open("ab") as file:
                file.write(json.dumps([key, said]).encode() + b"\n")

    def close(self) -> None:
        """Delete the file: the result is written."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def names_of(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """A name for each judge, by which its results stand in a row: its kind, numbered where it occurs again.

    Example:
        >>> names_of([{"name": "llm"}, {"name": "verifier"}, {"name": "llm"}])
        ['llm', 'verifier', 'llm-2']
    """
    found: list[str] = []
    counts: Counter[str] = Counter()
    for each in settings:
        name = str(each["name"])
        counts[name] += 1
        found.append(name if counts[name] == 1 else f"{name}-{counts[name]}")
    return found


def judged_rows(
    records: Iterable[Record],
    judges: Mapping[str, tuple[Mapping[str, Any], Judge]],
    *,
    compare: bool = False,
    journal: Journal | None = None,
) -> Iterator[dict[str, Any]]:
    """Each record as a row, with what every judge says of its responses.

    The field ``scores_NAME`` holds one number for each response, in the order in which the record has them (chosen
    before rejected), null where the judge cannot score; ``preferences_NAME`` the table of the probabilities that a
    response is preferred to another one.

    Args:
        records: with texts as responses.
        judges: settings and judge by name.
        compare: preferences instead of scores.
        journal: of what was said before.

    Raises:
        DataError: a record has no responses, or images.
        PenchantError: a judge fails; the message names judge, record, prompt and response.
    """
    kept = journal or Journal(None)
    identities = {name: _identity(settings, compare) for name, (settings, _judge) in judges.items()}
    for record in records:
        responses = _responses(record)
        row = as_row(record)
        for name, (_settings, judge) in judges.items():
            key = _key(identities[name], record, responses)
            said = kept.get(key)
            if said is None:
                said = _ask(judge, record, responses, compare)
                kept.put(key, said)
            row[f"{'preferences' if compare else 'scores'}_{name}"] = said
        yield row


def _responses(record: Record) -> list[Any]:
    found = supplied_texts("responses", record)
    if not found:
        raise DataError(
            f"A record of kind {record.kind!r} has no responses to judge.",
            where=str(record.source),
            fix="Give prompt with chosen and rejected, completion, or completions.",
        )
    responses = [response for _prompt, response in found]
    if not all(isinstance(each, str | list) for each in responses):
        raise DataError("Responses are images; judges read texts.", where=str(record.source))
    return responses


def _ask(judge: Judge, record: Record, responses: Sequence[Any], compare: bool) -> Said:
    if compare:
        table = compared(judge, record, responses).tolist()
        return [[_number(each) for each in line] for line in table]
    return [_number(each) for each in scored(judge, record, responses)]


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _identity(settings: Mapping[str, Any], compare: bool) -> str:
    """Settings of a judge, and the state of the files and folders that they name."""
    named = {key: state_of(value) or _file_state(value) for key, value in settings.items() if isinstance(value, str)}
    return json.dumps([dict(settings), named, compare], sort_keys=True, default=str)


def _file_state(value: str) -> list[int]:
    path = value.split(":")[0]  # a function is named by FILE:NAME
    if not os.path.isfile(path):
        return []
    found = os.stat(path)
    return [found.st_size, found.st_mtime_ns]


def _key(identity: str, record: Record, responses: Sequence[Any]) -> str:
    content = json.dumps([identity, record.prompt, list(responses), dict(record.fields)], sort_keys=True, default=str)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
