"""Preferences of several models over one baseline, read from rows, and their win rates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from penchant.errors import DataError
from penchant.evaluation.wins.length_controlled import (
    LengthControlled,
    Regularising,
    length_controlled,
    standardised_lengths,
)
from penchant.evaluation.wins.win_rate import WinRate, win_rate

__all__ = ["Preferences", "Rates", "measure_rates", "read_preferences", "read_regularising"]


@dataclass
class Preferences:
    """Preferences of one model over the baseline.

    Args:
        win: probabilities in [0, 1].
        baseline: characters of the baseline's responses; empty where lengths are missing.
        model: characters of the model's responses.
        difficulty: of the instructions; empty where it is missing in a row.
        unread: rows without a preference, left out.
    """

    win: list[float] = field(default_factory=list)
    baseline: list[float] = field(default_factory=list)
    model: list[float] = field(default_factory=list)
    difficulty: list[float] = field(default_factory=list)
    unread: int = 0

    @property
    def has_lengths(self) -> bool:
        """Whether every row has both lengths."""
        return len(self.model) == len(self.win)


@dataclass(frozen=True)
class Rates:
    """The rates of one model.

    Args:
        raw: the win rate.
        controlled: the length-controlled rate; None without lengths, or where it was not asked for.
        unread: rows without a preference.
    """

    raw: WinRate
    controlled: LengthControlled | None
    unread: int


def read_preferences(rows: Iterable[Mapping[str, Any]], source: str = "preferences") -> dict[str, Preferences]:
    """Read preferences by model.

    A row has ``win``, the probability that the model is preferred, and optionally ``model``, ``chars``,
    ``baseline_chars`` and ``difficulty``, of the instruction; or ``win`` and ``chars`` map each model to its number.

    Args:
        rows: one a prompt.
        source: name of the file in errors.

    Raises:
        DataError: a row has no ``win``, or a value outside of [0, 1].
    """
    found: dict[str, Preferences] = {}
    for number, row in enumerate(rows, start=1):
        where = f"{source}:{number}"
        if "win" not in row:
            raise DataError("The row has no 'win'.", where=where, fix="Give win, the probability of a win in [0, 1].")
        many = isinstance(row["win"], Mapping)
        wins = row["win"] if many else {str(row.get("model", "model")): row["win"]}
        chars = (row.get("chars") or {}) if many else {name: row.get("chars") for name in wins}
        for name, win in wins.items():
            own = found.setdefault(name, Preferences())
            if win is None or (isinstance(win, float) and math.isnan(win)):
                own.unread += 1
                continue
            if not isinstance(win, int | float) or not 0 <= win <= 1:
                raise DataError(f"The preference of {name!r} is {win!r}, expected a number in [0, 1].", where=where)
            own.win.append(float(win))
            lengths = (chars.get(name), row.get("baseline_chars"))
            if lengths[0] is not None and lengths[1] is not None:
                own.model.append(float(lengths[0]))
                own.baseline.append(float(lengths[1]))
            if row.get("difficulty") is not None:
                own.difficulty.append(_difficulty(row["difficulty"], where))
    if not found:
        raise DataError("There are no preferences.", where=source)
    return found


def _difficulty(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise DataError(f"The difficulty is {value!r}, expected a number.", where=where, fix="Leave it out if unknown.")
    return float(value)


def read_regularising(rows: Iterable[Mapping[str, Any]], source: str = "regularising") -> Regularising:
    """Read comparisons of the baseline with its own concise and verbose versions.

    A row is one of preferences, see `read_preferences`; ``model`` names the version. Its difference of lengths is
    standardised within the version, or given as ``length``.

    Args:
        rows: one a prompt and version.
        source: name of the file in errors.

    Raises:
        DataError: a row has no lengths, or a value that is wrong.
    """
    given = [row for row in rows if row.get("win") is not None]
    found = read_preferences([{key: row[key] for key in row if key != "length"} for row in given], source)
    known = all(row.get("length") is not None for row in given)
    versions = list(found.values())
    if not known and not all(each.has_lengths and len(each.win) > 1 for each in versions):
        raise DataError(
            "A row has no lengths, or a version has a single row.",
            where=source,
            fix="Give chars and baseline_chars in every row, or length, the standardised difference.",
        )
    if any(each.difficulty and len(each.difficulty) != len(each.win) for each in versions):
        raise DataError("Some rows have a difficulty and others have none.", where=source, fix="Give it in all.")
    if known:
        names = [str(row.get("model", "model")) for row in given]
        length = [float(row["length"]) for name in found for row, own in zip(given, names, strict=True) if own == name]
    else:
        length = [value for each in versions for value in standardised_lengths(each.baseline, each.model)]
    wins = [value for each in versions for value in each.win]
    difficulty = [value for each in versions for value in each.difficulty]
    return Regularising(wins, length, difficulty or [0.0] * len(wins))


def measure_rates(
    found: Mapping[str, Preferences],
    *,
    controlled: bool = True,
    regularising: Regularising | None = None,
    seed: int = 0,
) -> dict[str, Rates]:
    """The rates of each model, best first.

    Args:
        found: preferences by model.
        controlled: whether to fit the length-controlled rate where every row has lengths.
        regularising: rows that keep this fit near the baseline.
        seed: of the bootstrap.

    Raises:
        DataError: a model has no preference.
    """
    rates = {}
    for name, own in found.items():
        if not own.win:
            raise DataError(f"No row has a preference for {name!r}.", fix="Check the judge's answers.")
        fitted = None
        if controlled and own.has_lengths and len(own.win) > 4:
            difficulty = own.difficulty if len(own.difficulty) == len(own.win) else None
            fitted = length_controlled(own.win, own.baseline, own.model, difficulty, regularising=regularising)
        rates[name] = Rates(win_rate(own.win, seed=seed), fitted, own.unread)
    return dict(sorted(rates.items(), key=lambda each: -each[1].raw.rate))
