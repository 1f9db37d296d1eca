"""A leaderboard: ratings of models with bootstrap intervals, by Bradley and Terry or by Elo."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from penchant.errors import ConfigurationError
from penchant.evaluation.leaderboards.battles import Battles, cyclic_triples, grouped
from penchant.evaluation.leaderboards.bradley_terry import Games, estimable, fit
from penchant.evaluation.leaderboards.elo import elo_ratings

__all__ = ["Leaderboard", "make_leaderboard"]

SCALE, INITIAL = 400.0, 1000.0
#: The ridge of style control, and of votes that leave a rating without limit.
RIDGE = 0.5
#: From the ratings of all votes, two steps of Newton reach those of a resample to 1e-6 points.
STEPS = 2


@dataclass(frozen=True)
class Leaderboard:
    """Ratings of models.

    Args:
        rows: ``model``, ``rating``, ``low``, ``high`` (95 %, points), ``rank`` (1 + the models whose interval lies
            above), ``games``, ``wins`` (ties half), best first.
        style: the coefficient of each element of style, per standard deviation, logits.
        notes: what the reader of the table must know.
    """

    rows: list[dict[str, Any]]
    style: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def make_leaderboard(
    battles: Battles,
    *,
    method: str = "bradley-terry",
    rounds: int = 100,
    seed: int = 0,
    anchor: tuple[str, float] | None = None,
    ties: str = "half",
    k: float = 4.0,
) -> Leaderboard:
    """Rate the models of a file of votes.

    Args:
        battles: the votes.
        method: ``bradley-terry`` or ``elo``.
        rounds: bootstrap resamples; for Elo random orders of resampled votes, whose median is the rating.
        seed: of the resampling.
        anchor: a model and its rating; by default the mean of all ratings is 1000.
        ties: ``half`` (half a win for both) or ``drop``.
        k: step of Elo, points.

    Raises:
        ConfigurationError: an unknown method, way of ties or anchor, or no vote is left.
    """
    if method not in ("bradley-terry", "elo") or ties not in ("half", "drop"):
        raise ConfigurationError(
            f"The method is {method!r} and ties are {ties!r}; expected bradley-terry or elo, and half or drop."
        )
    games = battles.games
    if ties == "drop":
        games = _some(games, games.outcome != 0.5)
        if not len(games.first):
            raise ConfigurationError("All votes are ties, and ties are dropped.", fix="Count ties half.")
    if method == "elo":
        if battles.style:
            raise ConfigurationError("Elo has no style control.", fix="Use bradley-terry.")
        ratings, resampled, notes = *_elo(games, rounds, seed, k), _notes(battles, games, [])
        styles: dict[str, float] = {}
    else:
        ratings, resampled, styles, notes = _rated(battles, games, rounds, seed)
    shift: Any = 0.0
    if anchor is not None:
        if anchor[0] not in battles.names:
            raise ConfigurationError(f"The anchor {anchor[0]!r} has no vote.", where="anchor")
        at = battles.names.index(anchor[0])
        resampled = resampled + (anchor[1] - resampled[:, at])[:, None]
        shift = anchor[1] - ratings[at]
    return Leaderboard(_rows(battles, games, ratings + shift, resampled), styles, notes)


def _rated(
    battles: Battles, games: Games, rounds: int, seed: int
) -> tuple[np.ndarray, np.ndarray, dict[str, float], list[str]]:
    groups = estimable(games)
    ridge = RIDGE if battles.style or len(groups) > 1 else 0.0
    compact = games if battles.style else grouped(games)
    found = fit(compact, ridge=ridge)
    rng, resampled = np.random.default_rng(seed), []
    total = compact.weight.sum()
    for _ in range(rounds):
        # With style every vote is a row, for which Poisson weights are the bootstrap's limit, and cheaper.
        drawn = (
            rng.poisson(1.0, len(compact.weight)).astype(float)
            if battles.style
            else rng.multinomial(int(total), compact.weight / total).astype(float)
        )
        again = replace(compact, weight=drawn)
        own = ridge or (0.0 if len(estimable(again)) == 1 else RIDGE)
        steps = STEPS if battles.style else 100
        resampled.append(fit(again, ridge=own, start=found if own == ridge else None, steps=steps)[: games.models])
    table = np.array(resampled).reshape(len(resampled), games.models)
    styles = dict(zip(battles.style, found[games.models :].tolist(), strict=True))
    points = SCALE * found[: games.models] + INITIAL
    return points, SCALE * table + INITIAL, styles, _notes(battles, games, groups)


def _elo(games: Games, rounds: int, seed: int, k: float) -> tuple[np.ndarray, np.ndarray]:
    rng, count = np.random.default_rng(seed), len(games.first)
    orders = np.stack([rng.integers(count, size=count) for _ in range(rounds)], axis=1) if rounds else None
    table = elo_ratings(games, k=k, orders=orders)
    return np.median(table, axis=0), table


def _notes(battles: Battles, games: Games, groups: list[list[int]]) -> list[str]:
    notes = []
    if len(groups) > 1:
        alone = ", ".join(battles.names[each] for group in groups[1:] for each in group)
        notes.append(
            f"These models never lose to the others, never win against them, or never meet them: {alone}. Their "
            f"ratings have no finite value of largest likelihood, so a ridge of {RIDGE:g} holds all ratings "
            "towards their mean."
        )
    cycles, triples = cyclic_triples(games)
    if cycles:
        notes.append(
            f"{cycles} of {triples} triples of models are cyclic (a beats b, b beats c, c beats a): no single rating "
            "can show them."
        )
    played = np.bincount(np.concatenate([games.first, games.second]), minlength=games.models)
    if once := [battles.names[at] for at in np.flatnonzero(played == 1)]:
        notes.append(f"These models have one vote, so their intervals say nothing: {', '.join(once)}.")
    if battles.ties == len(battles.games.outcome):
        notes.append("All votes are ties, so all models are rated equal.")
    return notes


def _rows(battles: Battles, games: Games, ratings: np.ndarray, resampled: np.ndarray) -> list[dict[str, Any]]:
    low, high = np.percentile(resampled, [2.5, 97.5], axis=0) if len(resampled) else (ratings, ratings)
    count = games.models
    played = np.bincount(games.first, minlength=count) + np.bincount(games.second, minlength=count)
    won = np.bincount(games.first, games.outcome, count) + np.bincount(games.second, 1 - games.outcome, count)
    rows: list[dict[str, Any]] = [
        {
            "model": name,
            "rating": float(ratings[at]),
            "low": float(low[at]),
            "high": float(high[at]),
            "rank": 1 + int((low > high[at]).sum()),
            "games": int(played[at]),
            "wins": float(won[at] / played[at]) if played[at] else float("nan"),
        }
        for at, name in enumerate(battles.names)
    ]
    return sorted(rows, key=lambda row: -row["rating"])


def _some(games: Games, kept: np.ndarray) -> Games:
    columns = {name: getattr(games, name)[kept] for name in ("first", "second", "outcome", "weight", "style")}
    return replace(games, **columns)
