"""Contrast of a tuned and a pre-trained model (CGE): token scores, and novelty of documents."""

from __future__ import annotations

import math

from torch import Tensor

from penchant.errors import ConfigurationError

__all__ = ["contrast_scores", "plausible"]


def contrast_scores(tuned: Tensor, pretrained: Tensor, gamma: float = 1.0) -> Tensor:
    """How much likelier each token is under the tuned model.

    c(v) = log π_1(v | ·) − γ log π_0(v | ·)

    Args:
        tuned: [..., V] logits of the tuned model π_1.
        pretrained: [..., V] logits of the model before tuning, π_0, over the same vocabulary.
        gamma: γ ≥ 0; 0 leaves the log-probabilities of the tuned model.

    Returns:
        [..., V], nats; 0 everywhere where both models agree and γ is 1.

    Raises:
        ConfigurationError: the vocabularies differ, or γ is negative.

    Example:
        >>> import torch
        >>> same = torch.tensor([1.0, 2.0])
        >>> contrast_scores(same, same).tolist()
        [0.0, 0.0]

    Reference:
        Isonuma and Titov (2024), What's New in My Data? Novelty Exploration via Contrastive Generation,
        arXiv:2410.14765.
    """
    if tuned.shape[-1] != pretrained.shape[-1]:
        raise ConfigurationError(
            f"The vocabularies differ: {tuned.shape[-1]} and {pretrained.shape[-1]} tokens.",
            fix="Contrast a model with the one that its tuning began with.",
        )
    if gamma < 0:
        raise ConfigurationError(f"gamma is {gamma}; expected 0 or more.")
    return tuned.log_softmax(-1) - gamma * pretrained.log_softmax(-1)


def plausible(tuned: Tensor, alpha: float = 0.1) -> Tensor:
    """Which tokens the tuned model finds plausible: π_1(v) ≥ α max π_1.

    Args:
        tuned: [..., V] logits of the tuned model.
        alpha: α in [0, 1]; 0 keeps all tokens, 1 only the likeliest.

    Returns:
        [..., V] bool; the likeliest token is always kept.

    Raises:
        ConfigurationError: α is out of range.

    Example:
        >>> import torch
        >>> plausible(torch.tensor([0.0, 5.0, 4.0])).tolist()
        [False, True, True]
    """
    if not 0 <= alpha <= 1:
        raise ConfigurationError(f"alpha is {alpha}; expected a number from 0 to 1.")
    least = -math.inf if alpha == 0 else math.log(alpha)
    return tuned >= tuned.max(-1, keepdim=True).values + least
