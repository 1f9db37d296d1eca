"""Preferences of several models over one baseline, read from rows, and their win rates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from penchant.errors import DataError
from penchant.evaluation.wins.length_controlled import LengthControlled, length_controlled
from penchant.evaluation.wins.win_rate import WinRate, win_rate

__all__ = ["Preferences", "Rates", "measure_rates", "read_preferences"]


@dataclass
class Preferences:
    """Preferences of one model over the baseline.

    Args:
        win: probabilities in [0, 1].
        baseline: characters of the baseline's responses; empty where lengths are missing.
        model: characters of the model's responses.
        unread: rows without a preference, left out.
    """

    win: list[float] = field(default_factory=list)
    baseline: list[float] = field(default_factory=list)
    model: list[float] = field(default_factory=list)
    unread: int = 0


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

    A row has ``win``, the probability that the model is preferred, and optionally ``model``, ``chars`` and
    ``baseline_chars``; or ``win`` and ``chars`` map each model to its number.

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
    if not found:
        raise DataError("There are no preferences.", where=source)
    return found


def measure_rates(found: Mapping[str, Preferences], *, controlled: bool = True, seed: int = 0) -> dict[str, Rates]:
    """The rates of each model, best first.

    Args:
        found: preferences by model.
        controlled: whether to fit the length-controlled rate where every row has lengths.
        seed: of the bootstrap.

    Raises:
        DataError: a model has no preference.
    """
    rates = {}
    for name, own in found.items():
        if not own.win:
            raise DataError(f"No row has a preference for {name!r}.", fix="Check the judge's answers.")
        fits = controlled and len(own.model) == len(own.win) > 4
        fitted = length_controlled(own.win, own.baseline, own.model) if fits else None
        rates[name] = Rates(win_rate(own.win, seed=seed), fitted, own.unread)
    return dict(sorted(rates.items(), key=lambda each: -each[1].raw.rate))
