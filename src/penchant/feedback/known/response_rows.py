"""Layouts of one row per response: the rows of each prompt are one ranking."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

from penchant.errors import DataError
from penchant.feedback.kept import Kept
from penchant.feedback.known.layout import Gathered, Layout, Placed, Row, Rows, figure, filled, unnamed
from penchant.feedback.known.prompts import asked, has_prompt
from penchant.feedback.records import Source
from penchant.feedback.spellings import grade
from penchant.feedback.values import wrong

__all__ = ["ASKED", "GRADES", "RESPONSE_ROWS", "is_asked"]

_SHARED = ("split", "system", "tools")
_RESPONSES = ("completion", "response", "output", "generation", "answer")
#: The columns whose number ranks a response, the most telling first.
GRADES = ("score", "reward", "rating", "quality", "stars", "grade", "votes", "upvotes", "rank")


def _is_attributes(row: Row) -> bool:
    single = isinstance(row.get("prompt"), str) and isinstance(row.get("response"), str)
    return single and filled(row, "helpfulness") and "label" not in row


def _is_graded(row: Row) -> bool:
    return _graded(row) is not None and has_prompt(row)


def _graded(row: Row) -> tuple[str, str] | None:
    """The columns of a response and of its grade."""
    texts = next((name for name in _RESPONSES if isinstance(row.get(name), str | list | dict) and row[name]), None)
    grades = next((name for name in GRADES if name in row and not isinstance(row[name], list | dict)), None)
    return None if texts is None or grades is None else (texts, grades)


def _attributes(rows: Rows, sources: Sequence[Source], matches: Callable[[Row], bool]) -> Gathered:
    return _gathered(rows, sources, matches, lambda row: ("response", "helpfulness"))


def _by_grade(rows: Rows, sources: Sequence[Source], matches: Callable[[Row], bool]) -> Gathered:
    return _gathered(rows, sources, matches, lambda row: _graded(row) or ("", ""))


def _gathered(
    rows: Rows,
    sources: Sequence[Source],
    matches: Callable[[Row], bool],
    columns: Callable[[Row], tuple[str, str]],
) -> Gathered:
    """The rows of each prompt as one row, at the place of the first.

    Of the rows only their prompts are remembered, as hashes of 16 bytes; they are read again when their turn comes.
    """
    members, read = _members(rows, sources, matches)
    found: Kept[Placed] = Kept()
    for number, (at, row) in enumerate(rows):
        if isinstance(row, DataError) or not matches(row):
            found.append((at, row))
        elif number in members:
            found.extend(_ranking([rows[each] for each in members[number]], sources, columns))
    return Gathered(found, read)


def _members(
    rows: Rows, sources: Sequence[Source], matches: Callable[[Row], bool]
) -> tuple[dict[int, array[int]], int]:
    """For the first row of each prompt the numbers of all its rows, and the number of rows in all."""
    first: dict[bytes, int] = {}
    members: dict[int, array[int]] = {}
    read = 0
    for number, (at, row) in enumerate(rows):
        if isinstance(row, DataError) or not matches(row):
            continue
        read += 1
        # The splits and the system texts of a set stay apart; so does a row whose prompt is not known.
        try:
            key = json.dumps([asked(row, sources[at])[0], *(row.get(each) for each in _SHARED)], default=str)
        except DataError:
            key = f"row {number}"
        place = first.setdefault(blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest(), number)
        members.setdefault(place, array("Q")).append(number)
    return members, read


def _ranking(rows: Rows, sources: Sequence[Source], columns: Callable[[Row], tuple[str, str]]) -> list[Placed]:
    """The rows of one prompt as one row, and the errors of those that cannot be used."""
    entries: list[dict[str, Any]] = []
    found: list[Placed] = []
    for at, row in rows:
        assert isinstance(row, dict)
        try:
            prompt, used = asked(row, sources[at])
            text, name = columns(row)
            entry = {"text": row[text], **_value(row[name], name, sources[at])}
        except DataError as error:
            found.append((at, error))
            continue
        if not entries:
            shared = {each: row[each] for each in _SHARED if each in row}
            found.append((at, {"prompt": prompt, **shared, "completions": entries}))
        entries.append({**entry, **unnamed(row, [*used, *_SHARED, text, name])})
    return found


def _value(value: Any, name: str, source: Source) -> dict[str, float]:
    number = grade(value)
    if number is None:
        raise wrong(name, value, "a number", source)
    return {"rank" if name == "rank" else "score": number if name == "rank" else figure(number, name, source)}


RESPONSE_ROWS = (
    Layout(
        name="HelpSteer attributes",
        columns="`prompt`, `response`, `helpfulness`, `correctness`, ...; one row per response",
        kind="ranking",
        says="the rows of a prompt are one ranking; helpfulness decides",
        matches=_is_attributes,
        gather=_attributes,
    ),
)

#: Read only where rankings are asked for: else each row is a demonstration.
ASKED = Layout(
    name="one row per response",
    columns="with `--kind ranking`: a prompt, `completion`, `response`, `output`, `generation` or `answer`, and "
    "`score`, `reward`, `rating` (also `4/5`, stars), `quality`, `grade`, `votes`, `upvotes` or `rank`",
    kind="ranking",
    says="the rows of a prompt are one ranking",
    gather=_by_grade,
)


def is_asked(row: Row, kind: str | None) -> bool:
    """Whether a row is one response of a ranking that was asked for.

    Example:
        >>> row = {"prompt": "Tea?", "response": "Yes.", "rating": "4/5"}
        >>> is_asked(row, "ranking"), is_asked(row, None)
        (True, False)
    """
    return kind == "ranking" and _is_graded(row)
