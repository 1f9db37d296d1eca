"""Scores from verdicts of two games with exchanged positions, as Arena-Hard counts them."""

from __future__ import annotations

from collections.abc import Sequence

from penchant.errors import DataError

__all__ = ["arena_scores"]


def arena_scores(games: Sequence[Sequence[str]], weight: int = 3) -> list[float]:
    """The model's scores in pairs of games: in the first it stands second, in the exchanged one first.

    Args:
        games: verdicts such as ``A>B``, ``A>>B``, ``A=B``; the baseline is A in game 1, the model is A in game 2.
        weight: how often a strong verdict (``>>``) counts.

    Returns:
        1, ½ or 0 for each verdict, strong ones repeated; their mean is the score.

    Raises:
        DataError: a verdict is none of these.

    Example:
        >>> arena_scores([["A>B", "A>>B"]])
        [1.0, 1.0, 1.0, 0.0]

    Reference:
        Li et al. (2024), From Crowdsourced Data to High-Quality Benchmarks, arXiv:2406.11939.
    """
    found: list[float] = []
    for first, second in games:
        found += _first_wins(second, weight) + [1 - each for each in _first_wins(first, weight)]
    return found


def _first_wins(verdict: str, weight: int) -> list[float]:
    plain = verdict.replace("A", "").replace("B", "")
    if len(verdict) != len(plain) + 2 or plain not in ("=", ">", ">>", "<", "<<") or verdict[0] not in "AB":
        raise DataError(f"The verdict {verdict!r} is none of A>>B, A>B, A=B, A<B, A<<B, nor one with B first.")
    if plain == "=":
        return [0.5]
    wins = (plain[0] == ">") == (verdict[0] == "A")
    return [float(wins)] * (weight if len(plain) == 2 else 1)
