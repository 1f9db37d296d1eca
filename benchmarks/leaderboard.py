"""``python -m benchmarks --only leaderboard``: seconds for a leaderboard of a million votes, with 100 resamples."""

from __future__ import annotations

import time

import numpy as np

from benchmarks.__main__ import table
from penchant.evaluation.leaderboards.battles import Battles
from penchant.evaluation.leaderboards.bradley_terry import Games
from penchant.evaluation.leaderboards.leaderboard import make_leaderboard


def votes(count: int, models: int, style: int) -> Battles:
    rng = np.random.default_rng(0)
    strength = rng.normal(size=models) / 2
    first = rng.integers(models, size=count)
    second = (first + rng.integers(1, models, size=count)) % models
    outcome = (rng.random(count) < 1 / (1 + np.exp(strength[second] - strength[first]))).astype(float)
    outcome[rng.random(count) < 0.2] = 0.5
    games = Games(first, second, outcome, np.ones(count), models, rng.normal(size=(count, style)))
    names = [f"model {number}" for number in range(models)]
    return Battles(names, games, tuple(f"style {number}" for number in range(style)), int((outcome == 0.5).sum()))


def measure(count: int, models: int) -> None:
    """Print the table."""
    rows = []
    for method, style in (("bradley-terry", 0), ("bradley-terry", 2), ("elo", 0)):
        battles = votes(count, models, style)
        began = time.perf_counter()
        make_leaderboard(battles, method=method)
        name = f"{method}, {style} elements of style" if style else method
        rows.append([name, f"{time.perf_counter() - began:.1f}"])
    table(f"Leaderboard of {count} votes between {models} models, 100 resamples", ["method", "seconds"], rows)
