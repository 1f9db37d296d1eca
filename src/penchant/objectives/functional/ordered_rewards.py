"""Losses of three ordered texts (machine, mixed, human) and of replayed rewards, for detectors of machine text."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from penchant.objectives.functional.numerics import logsigmoid

__all__ = ["ordered_pairs", "replay"]


def ordered_pairs(
    machine: Tensor, mixed: Tensor, human: Tensor, weights: Sequence[float] = (0.3, 1.0, 0.3), l2: float = 0.01
) -> Tensor:
    """The loss of ReMoDetect on the rewards of a machine's text, of a mixed text, and of a human's.

    loss = ⅓ Σ_{(a, b)} λ_ab [−log σ(r_a − r_b) + ½ β₂ (r_a² + r_b²)],   (a, b) = (machine, mixed), (machine, human),
    (mixed, human)

    Args:
        machine: [B] rewards r of texts that a language model wrote.
        mixed: [B] rewards of the human's texts, in part rewritten by a language model.
        human: [B] rewards of texts that humans wrote.
        weights: λ of the three pairs, in the order above.
        l2: β₂, which pulls rewards to 0.

    Returns:
        [B]; ln 2 · Σλ / 3 where all rewards are 0.

    Example:
        >>> import torch
        >>> ordered_pairs(torch.zeros(1), torch.zeros(1), torch.zeros(1), weights=(1.0, 1.0, 1.0))
        tensor([0.6931])

    Reference:
        Lee, Tack, Shin (2024), ReMoDetect: Reward Models Recognize Aligned LLM's Generations, arXiv:2405.17382.
    """
    pairs = ((machine, mixed), (machine, human), (mixed, human))
    terms = [
        weight * (-logsigmoid(high - low) + 0.5 * l2 * (high.square() + low.square()))
        for weight, (high, low) in zip(weights, pairs, strict=True)
    ]
    return (terms[0] + terms[1] + terms[2]) / 3


def replay(rewards: Tensor, teacher: Tensor, weight: float = 0.01) -> Tensor:
    """The squared distance to the rewards that the model gave before training.

    loss = ρ (r_θ0(z) − r_θ(z))²

    Args:
        rewards: [B] rewards r_θ of texts z from the domain of the reward model.
        teacher: [B] their rewards r_θ0 under the model that training starts from, without gradient.
        weight: ρ.

    Returns:
        [B]; 0 where both agree.

    Example:
        >>> import torch
        >>> replay(torch.tensor([1.0]), torch.tensor([3.0]))
        tensor([0.0400])

    Reference:
        Lee, Tack, Shin (2024), ReMoDetect: Reward Models Recognize Aligned LLM's Generations, arXiv:2405.17382.
    """
    return weight * (teacher.detach() - rewards).square()
