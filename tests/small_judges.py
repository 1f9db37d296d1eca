"""Rewards that a recipe can name by module and function."""

from __future__ import annotations

from pathlib import Path

#: Where the functions below are; a recipe in memory or a command names one as f"{JUDGES}:reds".
JUDGES = str(Path(__file__).resolve())


def reds(prompt: object, response: str) -> float:
    """How often the response says "red", less a little for length: rarely the same twice."""
    words = response.split()
    return words.count("red") - 0.01 * len(words) - 0.001 * sum(map(len, words))


def strict(prompt: object, response: str) -> float | None:
    """No score for a response without words."""
    return float(len(response)) if response.split() else None


def nothing(prompt: object, response: str) -> float:
    """The same score for every response."""
    return 0.0
