"""Ratings in columns: a rater a column, or a column that maps raters to their votes, also in both orders of a pair."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penchant.errors import DataError, nearest
from penchant.evaluation.judges.biases import PositionBias, position_bias

__all__ = ["Columns", "judges_of", "read_columns"]

Both = tuple[Any, Any]


@dataclass
class Columns:
    """Ratings that stood in columns.

    Args:
        ratings: by item, then by rater. Two different votes for the two orders of a pair are a ``tie``.
        both: the votes in both orders, by rater, then by item.
    """

    ratings: dict[Any, dict[str, Any]] = field(default_factory=dict)
    both: dict[str, dict[Any, Both]] = field(default_factory=dict)


def read_columns(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], source: str = "ratings") -> Columns:
    """Read ratings from columns.

    A column holds the ratings of the rater of its name, or maps raters to their ratings. A list of two is a vote for
    each order of a pair, both in the numbering of the given order. Missing ratings are null. A row is an item, named
    by its ``item`` or ``id``, or else by its number.

    Args:
        rows: one an item.
        columns: their names.
        source: name of the file in errors.

    Raises:
        DataError: no row has a column, a rating is neither text nor number, or two rows have one name.

    Example:
        >>> row = {"id": "a", "label": 1, "judges": {"one": ["1", "1"], "two": ["2", "1"], "three": ["1", None]}}
        >>> read_columns([row], ["label", "judges"]).ratings
        {'a': {'label': 1, 'one': 1, 'two': 'tie'}}
    """
    found, absent, known = Columns(), set(columns), set[str]()
    for number, row in enumerate(rows, start=1):
        where = f"{source}:{number}"
        item = row.get("item", row.get("id", number))
        if item in found.ratings:
            raise DataError(f"The item {item!r} stands in two rows.", where=where, fix="Name each row by its own id.")
        absent, known, own = absent - set(row), known | set(row), found.ratings.setdefault(item, {})
        for column in columns:
            given = row.get(column)
            for rater, value in (given if isinstance(given, Mapping) else {column: given}).items():
                if isinstance(value, list):
                    value = _settled(found.both.setdefault(str(rater), {}), item, value, where)
                if (plain := _plain(value, where)) is not None:
                    own[str(rater)] = plain
    if absent:
        name = min(absent)
        raise DataError(f"No row has the column {name!r}.", where=source, fix=nearest(name, known))
    found.ratings = {item: each for item, each in found.ratings.items() if each}
    return found


def judges_of(columns: Columns, truth: str | None = None) -> dict[str, PositionBias]:
    """What the votes in both orders say of each judge, best or most consistent first.

    Args:
        columns: ratings with votes in both orders, which are 1 or 2.
        truth: the rater whose ratings are right; None for none.

    Raises:
        DataError: a vote is neither 1 nor 2.
    """
    found: dict[str, PositionBias] = {}
    for rater, votes in columns.both.items():
        items = [item for item in votes if truth is None or truth in columns.ratings.get(item, {})]
        given = [votes[item] for item in items]
        if not any(None not in each for each in given):
            continue  # nothing of this judge can be read
        labels = None if truth is None else [columns.ratings[item][truth] for item in items]
        found[rater] = position_bias(given, labels)

    def goodness(each: PositionBias) -> tuple[float, float]:
        return (0.0 if math.isnan(each.accuracy) else -each.accuracy, -each.consistent.value)

    return dict(sorted(found.items(), key=lambda each: goodness(each[1])))


def _settled(votes: dict[Any, Both], item: Any, given: list[Any], where: str) -> Any:
    """The vote for both orders: None where one is missing, ``tie`` where they differ."""
    if len(given) != 2:
        raise DataError(f"A rating is a list of {len(given)}, expected one for each order of a pair.", where=where)
    one, two = (_plain(each, where) for each in given)
    votes[item] = (one, two)
    return None if one is None or two is None else one if one == two else "tie"


def _plain(value: Any, where: str) -> Any:
    """A label or a number; numbers that are texts count as numbers, so that ``"1"`` is 1."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if not isinstance(value, str | int | float):
        raise DataError(f"The rating is {value!r}, expected a label or a number.", where=where)
    if isinstance(value, str):
        for kind in (int, float):
            try:
                return kind(value)
            except ValueError:
                continue
    return value
