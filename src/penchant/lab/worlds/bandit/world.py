"""Bandit: a hundred contexts with a hundred actions in a row, and one peak of reward, near the start or far from it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["PEAKS", "Bandit", "build_bandit"]

#: Where the reward is highest: near where the policy starts, or far from it.
PEAKS = {"near": 20.0, "far": 70.0}
#: Mean and deviation of the start policy in actions, and by how much its mean differs among contexts.
_MEAN, _SPREAD, _JITTER = 20.0, 15.0, 5.0


@dataclass(frozen=True)
class Bandit:
    """S contexts with K actions.

    Args:
        reward: [K] of each action, from 0 to 1, the same in every context.
        reference: [S, K] log-probabilities of the start policy.
    """

    reward: Tensor
    reference: Tensor

    def expected_reward(self, table: Tensor) -> Tensor:
        """The expected reward of policies, over the contexts.

        Args:
            table: [..., S, K] log-probabilities.

        Returns:
            [...].
        """
        return (table.exp() @ self.reward).mean(-1)


def build_bandit(
    seed: int, *, peak: str = "far", width: float = 10.0, contexts: int = 100, actions: int = 100
) -> Bandit:
    """Draw a bandit: the start policies are discretised Gaussians.

    r(a) = exp(−((a − peak) / width)²)

    Args:
        seed: of the means of the start policies.
        peak: ``far`` (action 70) or ``near`` (action 20).
        width: of the peak, in actions.
        contexts: S.
        actions: K.

    Example:
        >>> float(build_bandit(0).reward.argmax()), float(build_bandit(0, peak="near").reward.max())
        (70.0, 1.0)

    Reference:
        Tajwar et al. (2024), Preference Fine-Tuning of LLMs Should Leverage Suboptimal, On-Policy Data, section 4.
    """
    generator = torch.Generator().manual_seed(seed)
    place = torch.arange(actions, dtype=torch.float32)
    means = _MEAN + _JITTER * (2 * torch.rand(contexts, 1, generator=generator) - 1)
    reference = (-0.5 * ((place - means) / _SPREAD).square()).log_softmax(-1)
    return Bandit((-((place - PEAKS[peak]) / width).square()).exp(), reference)
