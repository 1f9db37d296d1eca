"""Policies over finite responses: a table of logits, or log-linear in features."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from penchant.lab.worlds.tabular.world import World

__all__ = ["Policy", "initial_policy", "log_probabilities"]


class Policy(nn.Module):
    """A softmax policy that is initialised to the reference.

    log π(y|x) = log softmax_y(log π_start(y|x) + θ_xy),   or + φ(x, y)·θ with features

    Args:
        start: [X, K] log-probabilities at θ = 0, nats.
        features: [X, K, D]; D = 0 for one parameter per response.

    Example:
        >>> policy = Policy(torch.zeros(1, 2), torch.zeros(1, 2, 0))
        >>> policy().exp()
        tensor([[0.5000, 0.5000]], grad_fn=<ExpBackward0>)
    """

    start: Tensor
    features: Tensor

    def __init__(self, start: Tensor, features: Tensor) -> None:
        super().__init__()
        self.register_buffer("start", start.clone())
        self.register_buffer("features", features)
        shape = features.shape[-1:] if features.shape[-1] else start.shape
        self.theta = nn.Parameter(torch.zeros(shape, dtype=start.dtype))

    def forward(self) -> Tensor:
        """[X, K] log-probabilities, nats."""
        return self.at(self.theta)

    def at(self, theta: Tensor) -> Tensor:
        """The policy at other parameters.

        Args:
            theta: [..., X, K], or [..., D] with features.

        Returns:
            [..., X, K] log-probabilities, nats.
        """
        if self.features.shape[-1]:
            theta = linear(theta, self.features.flatten(0, 1)).unflatten(-1, self.start.shape)
        return (self.start + theta).log_softmax(-1)


def initial_policy(world: World) -> Policy:
    """A trainable policy, initialised to the reference.

    Args:
        world: its features determine the kind of policy.

    Returns:
        A policy equal to the reference.
    """
    return Policy(world.reference, world.features)


def log_probabilities(policy: Policy | Tensor) -> Tensor:
    """The log-probabilities of a policy, without gradient.

    Args:
        policy: a policy, or its table [X, K] of log-probabilities.

    Returns:
        [X, K], nats.
    """
    return policy.detach() if isinstance(policy, Tensor) else policy().detach()
