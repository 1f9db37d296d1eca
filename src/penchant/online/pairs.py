"""`select_pairs`: pairs of responses to one prompt, from their rewards and the name of a rule."""

from __future__ import annotations

from collections.abc import Sequence

from penchant.online.pairings.pairs import PAIR_RULES, Pair

__all__ = ["PAIR_RULES", "select_pairs"]


def select_pairs(
    rule: str,
    rewards: Sequence[float],
    *,
    lengths: Sequence[int] = (),
    length_penalty: float = 0.0,
    threshold: float | None = None,
) -> list[Pair]:
    """The pairs (chosen, rejected) of one prompt.

    Candidates are picked by reward − length_penalty · length; within a pair the response with the higher reward is
    chosen, and equal rewards give no pair. So every pair has a margin above 0.

    Args:
        rule: ``best_worst``; ``best_other`` (best and the first other one); ``best_second``; ``first_two``; ``all``;
            or the name that RLHF Workflow's code has for one of them.
        rewards: K rewards; a response with NaN is skipped.
        lengths: of the responses, in any unit; needed with a penalty.
        length_penalty: reward subtracted per unit of length.
        threshold: keep only pairs with one reward at or above it and one below it.

    Returns:
        Indices of chosen and rejected; empty if all rewards are equal.

    Raises:
        ConfigurationError: there is no such rule.

    Example:
        >>> select_pairs("best_worst", [0.2, 0.9, 0.1]), select_pairs("all", [1.0, 0.0, 0.0])
        ([(1, 2)], [(0, 1), (0, 2)])
    """
    return PAIR_RULES.get(rule).select(rewards, lengths, length_penalty, threshold)
