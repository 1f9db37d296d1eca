"""`History`: the items that a user took, in order of time, and the reader of files of interactions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penchant.errors import DataError
from penchant.feedback.files import file_rows

__all__ = ["History", "check_known", "prompt_of", "read_histories"]

_USER, _ITEM, _TIME = ("user", "user_id"), ("item", "item_id"), ("time", "timestamp")
_FIX = (
    'Write one row per user, {"user": 5, "items": [17, 3]}, or one per interaction, {"user": 5, "item": 17, "time": 9}.'
)


@dataclass(frozen=True)
class History:
    """The items of a user.

    Args:
        user: the user's name.
        items: names of the items, oldest first.
        split: the value of the column ``split``, or None.
        where: file and line of the (first) row.

    Example:
        >>> History("5", ("17", "3")).items[-1]
        '3'
    """

    user: str
    items: tuple[str, ...]
    split: str | None = None
    where: str = "memory"


def read_histories(path: str | Path) -> list[History]:
    """Read what users took: one row per user with its ``items`` in order, or one per interaction.

    Rows of single interactions have ``user``, ``item`` and ``time`` (``user_id``, ``item_id``, ``timestamp``); equal
    times keep the order of the file. Names may be numbers.

    Args:
        path: a file in one of the formats of feedback (JSONL, CSV, Parquet, ...; ``.gz`` too).

    Returns:
        One history per user, in the order in which users first appear.

    Raises:
        DataError: the file cannot be read, a row lacks a field, a time is not a number, or a user stands twice.
    """
    rows = []
    for line, row in file_rows(Path(path)):
        if isinstance(row, DataError):
            raise row
        rows.append((f"{path}:{line}", row))
    if not rows:
        raise DataError("The file has no interactions.", where=str(path), fix=_FIX)
    whole = "items" in rows[0][1]
    found = _of_users(rows) if whole else _of_interactions(rows)
    twice = [name for name, count in Counter(each.user for each in found).items() if count > 1]
    if twice:
        where = [each.where for each in found if each.user == twice[0]][1]
        raise DataError(f"The user {twice[0]!r} stands twice.", where=where, fix="Join the rows of a user.")
    return found


def prompt_of(texts: Iterable[str], end: str) -> str:
    """The prompt of a history: every item is followed by the end token, as if the model had written it.

    Example:
        >>> prompt_of(["<a1><b2>", "<a1><b3>"], "<end>")
        '<a1><b2><end><a1><b3><end>'
    """
    return "".join(f"{text}{end}" for text in texts)


def check_known(histories: Iterable[History], known: Mapping[str, Any], catalogue: str) -> None:
    """Refuse an item that the catalogue does not have.

    Args:
        histories: of users.
        known: the catalogue's items by name.
        catalogue: its file, for the message.

    Raises:
        DataError: names the first such item, its user and line.

    Example:
        >>> check_known([History("5", ("17", "3"))], {"17": 0}, "items.jsonl")
        Traceback (most recent call last):
        penchant.errors.DataError: memory: The user '5' took the item '3', which is not in the catalogue items.jsonl...
    """
    for each in histories:
        strange = next((item for item in each.items if item not in known), None)
        if strange is not None:
            raise DataError(
                f"The user {each.user!r} took the item {strange!r}, which is not in the catalogue {catalogue}.",
                where=each.where,
                fix="Add it to the catalogue, or leave out such items with --on-bad skip.",
            )


def _of_users(rows: Iterable[tuple[str, dict[str, Any]]]) -> list[History]:
    found = []
    for where, row in rows:
        items = row.get("items")
        if not isinstance(items, list | tuple):
            raise DataError("The row of a user needs 'items', a list.", where=where, fix=_FIX)
        names = tuple(_name(item, "items", where) for item in items)
        found.append(History(_field(row, _USER, where), names, _split(row), where))
    return found


def _of_interactions(rows: Iterable[tuple[str, dict[str, Any]]]) -> list[History]:
    taken: dict[str, list[tuple[float, str]]] = {}
    first: dict[str, tuple[str, str | None]] = {}
    for where, row in rows:
        user, item = _field(row, _USER, where), _field(row, _ITEM, where)
        first.setdefault(user, (where, _split(row)))
        taken.setdefault(user, []).append((_time(row, where), item))
    return [
        History(user, tuple(item for _, item in sorted(each, key=lambda pair: pair[0])), first[user][1], first[user][0])
        for user, each in taken.items()
    ]


def _time(row: Mapping[str, Any], where: str) -> float:
    given = next((row[name] for name in _TIME if row.get(name) is not None), None)
    try:
        time = float(given)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        time = math.nan
    if math.isnan(time):
        raise DataError(f"The time of the interaction is {given!r}, expected a number.", where=where, fix=_FIX)
    return time


def _split(row: Mapping[str, Any]) -> str | None:
    return None if row.get("split") is None else str(row["split"])


def _field(row: Mapping[str, Any], names: tuple[str, ...], where: str) -> str:
    given = next((row[name] for name in names if row.get(name) is not None), None)
    if given is None:
        raise DataError(f"The row has no {names[0]!r} (it has: {', '.join(map(str, row))}).", where=where, fix=_FIX)
    return _name(given, names[0], where)


def _name(value: Any, field: str, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise DataError(f"{field!r} is {value!r}, expected a name: text or a whole number.", where=where, fix=_FIX)
    return str(value)
