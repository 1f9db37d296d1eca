"""How much of a text a model still holds: extraction strength, and scores of membership inference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from penchant.statistics import area

__all__ = ["extraction_strength", "loss_score", "membership_auc", "min_k_score"]


def extraction_strength(right: Sequence[bool]) -> float:
    """How much of an answer the model completes by itself, in [0, 1]; higher remembers more.

    1 − s/T,   s the smallest number of first tokens from which greedy decoding gives all later tokens

    Greedy decoding goes on exactly like the text as long as each token is the most likely one after the tokens before
    it, so one forward pass over the text tells.

    Args:
        right: for each token of the answer, whether it is the most likely one after those before it.

    Example:
        >>> extraction_strength([False, True, True, True]), extraction_strength([True, False])
        (0.75, 0.0)

    Reference:
        Carlini et al. (2021), Extracting Training Data from Large Language Models; Wang et al. (2025), extraction
        strength.
    """
    if not len(right):
        return 0.0
    wrong = [place for place, each in enumerate(right) if not each]
    needed = wrong[-1] + 1 if wrong else 0
    return 1 - needed / len(right)


def loss_score(logps: Sequence[float]) -> float:
    """Mean log-probability per token, nats; higher is more likely a member of the training data.

    Example:
        >>> loss_score([-1.0, -3.0])
        -2.0
    """
    return float(np.mean(logps))


def min_k_score(logps: Sequence[float], share: float = 0.2) -> float:
    """Mean log-probability of the least likely tokens, nats (Min-K% Prob); higher is more likely a member.

    Args:
        logps: log-probability of each token.
        share: the share of tokens that count, at least one.

    Example:
        >>> min_k_score([-1.0, -2.0, -9.0, -3.0, -1.0], share=0.4)
        -6.0

    Reference:
        Shi et al. (2024), Detecting Pretraining Data from Large Language Models, arXiv:2310.16789.
    """
    count = max(1, int(len(logps) * share))
    return float(np.mean(np.sort(np.asarray(logps, dtype=float))[:count]))


def membership_auc(members: Sequence[float], others: Sequence[float]) -> float:
    """The probability that a member has the higher score; 0.5 if the scores say nothing, ties count half.

    Args:
        members: scores of texts that the model was trained on.
        others: scores of texts that it never saw.

    Example:
        >>> membership_auc([2.0, 3.0], [1.0, 2.0])
        0.875
    """
    return area(members, others)
