"""Losses of two scores that one joint encoding of two responses gives (PairRM)."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from penchant.objectives.functional.comparison_tables import max_logits
from penchant.objectives.functional.numerics import logsigmoid

__all__ = ["JOINT_LOSSES", "joint_bce", "joint_labels", "joint_logistic", "joint_regression", "win_table_scores"]


def joint_bce(left: Tensor, right: Tensor, left_quality: Tensor, right_quality: Tensor) -> Tensor:
    """Each score is a logit of "this response is the better one".

    loss = ½ [BCE(s_1, 1[q_1 > q_2]) + BCE(s_2, 1[q_2 > q_1])]

    Equal qualities have the targets (0, 0).

    Args:
        left: [..., T] scores s_1 of the first response, one for each of T tasks.
        right: [..., T] scores s_2 of the second one.
        left_quality: [..., T] qualities q_1, in any unit.
        right_quality: [..., T] qualities q_2.

    Returns:
        [..., T].

    Reference:
        Jiang et al. (2023), LLM-Blender: Ensembling Large Language Models with Pairwise Ranking and Generative Fusion,
        arXiv:2306.02561.
    """
    return joint_labels(left, right, (left_quality > right_quality).to(left), (right_quality > left_quality).to(left))


def joint_logistic(left: Tensor, right: Tensor, left_quality: Tensor, right_quality: Tensor) -> Tensor:
    """The pair's logit s_1 − s_2 as in Bradley-Terry; shapes as for `joint_bce`.

    loss = −log σ(sign(q_1 − q_2) (s_1 − s_2)),   ln 2 for equal qualities
    """
    return -logsigmoid((left_quality - right_quality).sign() * (left - right))


def joint_regression(left: Tensor, right: Tensor, left_quality: Tensor, right_quality: Tensor) -> Tensor:
    """The scores regress on the qualities, with a term that favours differences of the right sign.

    loss = (s_1 − q_1)² + (s_2 − q_2)² − 2 (s_1 − s_2)(q_1 − q_2);   shapes as for `joint_bce`
    """
    own = (left - left_quality).square() + (right - right_quality).square()
    return own - 2 * (left - right) * (left_quality - right_quality)


def joint_labels(left: Tensor, right: Tensor, left_quality: Tensor, right_quality: Tensor) -> Tensor:
    """Each score is a logit of its own quality, which is 0 or 1; shapes as for `joint_bce`.

    loss = ½ [BCE(s_1, q_1) + BCE(s_2, q_2)]
    """
    first = cross_entropy(left, left_quality.to(left), reduction="none")
    return 0.5 * (first + cross_entropy(right, right_quality.to(right), reduction="none"))


#: The losses by their published names.
JOINT_LOSSES = {
    "BCE": joint_bce,
    "instructgpt": joint_logistic,
    "MSE": joint_regression,
    "open_instruct_BCE": joint_labels,
}


def win_table_scores(logits: Tensor, *, by_wins: bool = False) -> Tensor:
    """One score for each of K candidates from a table of pair logits, in both orders.

    score_i = (1/K) Σ_j (C_ij − C_ji),   or the number of j with C_ij > C_ji

    Args:
        logits: [..., K, K]; C_ij is the logit that i is preferred to j when i is shown first. The diagonal is ignored.
        by_wins: count wins; ties count half.

    Returns:
        [..., K].

    Example:
        >>> import torch
        >>> win_table_scores(torch.tensor([[0.0, 3.0], [1.0, 0.0]]))
        tensor([ 1., -1.])
    """
    if not by_wins:
        return max_logits(logits)
    difference = logits - logits.transpose(-1, -2)
    wins = (difference > 0).to(logits) + 0.5 * (difference == 0).to(logits)
    return wins.sum(-1) - 0.5  # a candidate ties with itself
