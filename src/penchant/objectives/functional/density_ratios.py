"""Rewards from the log-probabilities of two models: the implicit reward, and the density ratio of unlike tokenizers."""

from __future__ import annotations

from torch import Tensor

__all__ = ["density_ratio", "implicit_reward"]


def implicit_reward(policy: Tensor, reference: Tensor, beta: float) -> Tensor:
    """The reward that a policy implies against its reference.

    r = β Σ_t (log π(y_t | x, y_<t) − log π_ref(y_t | x, y_<t))

    Args:
        policy: [R, T] log-probabilities of the response tokens, nats, 0 where there is none.
        reference: [R, T'] the same under the reference.
        beta: the inverse temperature of the reward.

    Returns:
        [R].

    Example:
        >>> import torch
        >>> implicit_reward(torch.tensor([[-1.0, -1.0]]), torch.tensor([[-2.0, -2.0]]), 0.5)
        tensor([1.])
    """
    return beta * (policy.sum(-1) - reference.sum(-1))


def density_ratio(
    strong: Tensor, weak: Tensor, strong_counts: Tensor, weak_counts: Tensor, *, average: bool = False
) -> Tensor:
    """The density ratio of a better aligned to a less aligned model as a reward; each model has its own tokens.

    R = Σ_t log π_strong(y_t | c, x, y_<t) − Σ_t log π_weak(y_t | x, y_<t),   divided by the strong model's tokens if
    averaged

    Args:
        strong: [R, T] log-probabilities of tokens under the strong model, nats.
        weak: [R, T'] log-probabilities under the weak model.
        strong_counts: [R, T] which of the strong model's tokens count.
        weak_counts: [R, T'] which of the weak model's tokens count.
        average: divide by the number of the strong model's tokens that count.

    Returns:
        [R]; 0 for a response of which no token counts.

    Example:
        >>> import torch
        >>> both = torch.ones(1, 2, dtype=torch.bool)
        >>> density_ratio(torch.tensor([[-1.0, -1.0]]), torch.tensor([[-2.0, -1.0]]), both, both, average=True)
        tensor([0.5000])

    Reference:
        Xu et al. (2024), Dr. SoW: Density Ratio of Strong-over-weak LLMs for Reducing the Cost of Human Annotation in
        Preference Tuning, arXiv:2411.02481, equation 1.
    """
    total = (strong * strong_counts).sum(-1) - (weak * weak_counts).sum(-1)
    return total / strong_counts.sum(-1).clamp(min=1) if average else total
