"""Maximum-likelihood inverse reinforcement learning of linear rewards from demonstrations and samples."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["learn_reward"]


def learn_reward(
    shown: Tensor,
    sampled: Sequence[Tensor],
    *,
    beta: float = 1.0,
    decay: float = 0.01,
    steps: int = 300,
    learning_rate: float = 0.1,
) -> Tensor:
    """The weights θ of the reward r = θ · φ under which the demonstrations are likely.

    Policy step, exact on the samples of the reference: w_j ∝ exp(r(x, y_j) / β). Reward step, by Adam:
    θ up along (mean over demonstrations of φ(y_demo) − Σ_j w_j φ(y_j)) / β − decay θ.

    Args:
        shown: [D, F] features of the demonstrations.
        sampled: for each demonstration [K, F] features of samples of the reference to its prompt; K may differ.
        beta: weight of the divergence in the policy step.
        decay: keeps θ finite where demonstrations and samples can be told apart.
        steps: policy and reward steps.
        learning_rate: of Adam.

    Returns:
        [F].

    Example:
        >>> polite, rude = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
        >>> first, second = learn_reward(polite, [rude])
        >>> bool(first > 0 > second)
        True

    Reference:
        Zeng et al. (2022), Maximum-Likelihood Inverse Reinforcement Learning with Finite-Time Guarantees; Cheng et al.
        (2025), Inverse Reinforcement Learning with Dynamic Reward Scaling for LLM Alignment, arXiv:2503.18991.
    """
    rows = torch.cat(list(sampled))
    owner = torch.arange(len(sampled)).repeat_interleave(torch.tensor([len(each) for each in sampled]))
    weights = torch.zeros(shown.shape[1], dtype=shown.dtype, requires_grad=True)
    optimizer = torch.optim.Adam([weights], lr=learning_rate)
    for _ in range(steps):
        policy = _softmax_within(rows @ weights.detach() / beta, owner, len(sampled))
        expected = torch.zeros_like(shown).index_add(0, owner, policy.unsqueeze(1) * rows)
        uphill = (shown - expected).mean(0) / beta - decay * weights.detach()
        weights.grad = -uphill
        optimizer.step()
    return weights.detach()


def _softmax_within(values: Tensor, owner: Tensor, owners: int) -> Tensor:
    """The softmax [N] of the values of each owner."""
    top = torch.full((owners,), -torch.inf, dtype=values.dtype).scatter_reduce(0, owner, values, "amax")
    raised = (values - top[owner]).exp()
    return raised / torch.zeros(owners, dtype=values.dtype).index_add(0, owner, raised)[owner]
