"""Votes between models, read from rows into arrays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from penchant.errors import DataError
from penchant.evaluation.leaderboards.bradley_terry import Games

__all__ = ["Battles", "cyclic_triples", "grouped", "read_battles"]

#: Names of the columns by what they hold, the first that is there.
COLUMNS = {"first": ("model_a", "a"), "second": ("model_b", "b"), "winner": ("winner", "outcome", "vote")}
FIRST, SECOND = {"model_a", "a", "1"}, {"model_b", "b", "2"}


@dataclass(frozen=True)
class Battles:
    """Votes between models.

    Args:
        names: of the models.
        games: one row a vote, in the order of the file, with the standardised differences of style.
        style: names of the elements of style.
        ties: number of ties.
    """

    names: list[str]
    games: Games
    style: tuple[str, ...]
    ties: int


def read_battles(rows: Iterable[Mapping[str, Any]], style: Sequence[str] = (), source: str = "votes") -> Battles:
    """Read votes: ``model_a``, ``model_b`` and ``winner`` (``model_a``, ``model_b``, or a text with ``tie``).

    Style: for an element e the columns ``e_a`` and ``e_b``; its covariate is (e_a − e_b)/(e_a + e_b + 1), standardised
    over the votes.

    Args:
        rows: one a vote.
        style: elements to control for, such as ``length``.
        source: name of the file in errors.

    Raises:
        DataError: a column is missing, a winner is unknown, a model meets itself, or there are no votes.
    """
    place: dict[str, int] = {}
    first, second, outcome = [], [], []
    elements: list[list[float]] = []
    for number, row in enumerate(rows, start=1):
        where = f"{source}:{number}"
        one, two, won = (_column(row, names, where) for names in COLUMNS.values())
        if one == two:
            raise DataError(f"The model {one!r} meets itself.", where=where, fix="Remove the vote.")
        first.append(place.setdefault(str(one), len(place)))
        second.append(place.setdefault(str(two), len(place)))
        outcome.append(_outcome(str(won), (str(one), str(two)), where))
        if style:
            elements.append([_covariate(row, element, where) for element in style])
    if not outcome:
        raise DataError("There are no votes.", where=source)
    results = np.array(outcome)
    table = np.array(elements) if style else np.zeros((len(results), 0))
    spread = table.std(0)
    table = np.divide(table - table.mean(0), spread, out=np.zeros_like(table), where=spread > 0)
    games = Games(np.array(first), np.array(second), results, np.ones(len(results)), len(place), table)
    return Battles(list(place), games, tuple(style), int((results == 0.5).sum()))


def grouped(games: Games) -> Games:
    """The same games without style, equal ones in one row with their number as weight.

    Example:
        >>> pair = np.array([0, 1]), np.array([1, 0]), np.array([1.0, 0.0]), np.ones(2), 2, np.zeros((2, 0))
        >>> grouped(Games(*pair)).weight
        array([2.])
    """
    swapped = games.first > games.second
    low, high = np.minimum(games.first, games.second), np.maximum(games.first, games.second)
    outcome = np.where(swapped, 1 - games.outcome, games.outcome)
    keys, inverse = np.unique((low * games.models + high) * 3 + (2 * outcome).astype(np.int64), return_inverse=True)
    pairs, result = keys // 3, (keys % 3) / 2
    weight = np.bincount(inverse, games.weight)
    nothing = np.zeros((len(keys), 0))
    return replace(
        games, first=pairs // games.models, second=pairs % games.models, outcome=result, weight=weight, style=nothing
    )


def cyclic_triples(games: Games) -> tuple[int, int]:
    """Triples of models whose majorities go round (a beats b, b beats c, c beats a), which no rating can show.

    Returns:
        The number of such triples, and of triples in which every pair has a majority.
    """
    count = games.models
    margin = np.bincount(games.first * count + games.second, games.weight * (2 * games.outcome - 1), count * count)
    table = margin.reshape(count, count)
    beats = ((table - table.T) > 0).astype(float)
    decided = beats + beats.T
    cycles = round(float(np.trace(beats @ beats @ beats)) / 3)
    return cycles, round(float(np.trace(decided @ decided @ decided)) / 6)


def _column(row: Mapping[str, Any], names: Sequence[str], where: str) -> Any:
    for name in names:
        if row.get(name) is not None:
            return row[name]
    raise DataError(
        f"The vote has no {names[0]!r}; its columns are {', '.join(map(str, row)) or 'none'}.",
        where=where,
        fix="A vote needs model_a, model_b and winner.",
    )


def _outcome(winner: str, names: tuple[str, str], where: str) -> float:
    if winner in FIRST or winner == names[0]:
        return 1.0
    if winner in SECOND or winner == names[1]:
        return 0.0
    if "tie" in winner.lower() or winner.lower() in ("draw", "equal"):
        return 0.5
    raise DataError(f"The winner is {winner!r}, expected model_a, model_b, a model's name, or tie.", where=where)


def _covariate(row: Mapping[str, Any], element: str, where: str) -> float:
    try:
        both = float(row[f"{element}_a"]), float(row[f"{element}_b"])
        if not all(math.isfinite(each) and each >= 0 for each in both):
            raise ValueError(both)
    except (KeyError, TypeError, ValueError):
        raise DataError(
            f"The vote has no numbers {element}_a and {element}_b of at least 0.",
            where=where,
            fix=f"Leave out --style {element}.",
        ) from None
    return (both[0] - both[1]) / (sum(both) + 1)
