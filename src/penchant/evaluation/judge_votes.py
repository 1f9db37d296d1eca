"""Votes of judges on pairs of answers: win rates, and agreement with people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from penchant.rewards.verdicts import Winner, settled

__all__ = ["agreement_of", "win_counts"]


def win_counts(votes: Sequence[Sequence[Winner]]) -> dict[str, dict[str, float]]:
    """How often each of two models wins, over questions that were judged in both orders.

    A win counts only if both orders agree; other verdicts are ties; a question with an error is left out.

    win_rate = wins / n,   win_rate_adjusted = (wins + ties / 2) / n

    Args:
        votes: for each question the winner in each order.

    Returns:
        For ``m1`` and ``m2``: ``win``, ``loss``, ``tie``, ``win_rate``, ``loss_rate``, ``win_rate_adjusted``; rates are
        0 if no question is left.

    Example:
        >>> win_counts([["model_1", "model_1"], ["model_1", "model_2"]])["m1"]["win_rate_adjusted"]
        0.75

    Reference:
        Zheng et al. (2023), Judging LLM-as-a-Judge with MT-Bench and Chatbot Arena, arXiv:2306.05685.
    """
    decided = [settled(each) for each in votes]
    wins, losses, ties = (float(decided.count(each)) for each in ("model_1", "model_2", "tie"))  # type: ignore[arg-type]
    total = max(1.0, wins + losses + ties)

    def one(won: float, lost: float) -> dict[str, float]:
        rates = {"win_rate": won / total, "loss_rate": lost / total, "win_rate_adjusted": (won + ties / 2) / total}
        return {"win": won, "loss": lost, "tie": ties, **rates}

    return {"m1": one(wins, losses), "m2": one(losses, wins)}


def agreement_of(items: Sequence[Mapping[str, Sequence[str]]], *, ties: bool) -> dict[str, tuple[int, int]]:
    """How often a judge agrees with people, and people with each other.

    Args:
        items: for each question the votes of the ``judge`` and those of ``human`` annotators; any vote that holds the
            word ``tie`` is a tie.
        ties: count votes for a tie, too; otherwise they are left out.

    Returns:
        ``judge_vs_human`` and ``human_vs_human``: pairs of votes that agree, and all pairs.

    Example:
        >>> agreement_of([{"judge": ["model_1"], "human": ["model_1", "tie"]}], ties=False)
        {'judge_vs_human': (1, 1), 'human_vs_human': (0, 0)}
    """
    across: list[bool] = []
    among: list[bool] = []
    for item in items:
        judge, human = (_kept(item.get(side, ()), ties) for side in ("judge", "human"))
        across += [one == other for one in judge for other in human]
        among += [one == other for one, other in combinations(human, 2)]
    return {"judge_vs_human": (sum(across), len(across)), "human_vs_human": (sum(among), len(among))}


def _kept(votes: Sequence[str], ties: bool) -> list[str]:
    plain = ["tie" if "tie" in vote else vote for vote in votes]
    return plain if ties else [vote for vote in plain if vote != "tie"]
