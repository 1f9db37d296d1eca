"""Averaged: any objective on mean instead of summed log-probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from penchant.objectives.core.scored import Scored
from penchant.objectives.core.wrapper import Wrapper

__all__ = ["Averaged", "averaged"]


def averaged(view: Scored) -> Scored:
    """The same responses with token weights of 1 / |y|, so that sums become means.

    log π(y|x) ← (1 / |y|) Σ_t log π(y_t)

    Existing token weights keep their proportions: the sum becomes the weighted mean. Means do not change.

    Args:
        view: the responses.

    Returns:
        The responses; their sums are means, in nats per token.

    Example:
        >>> import torch
        >>> averaged(Scored(torch.tensor([[-1.0, -3.0]]), None, torch.ones(1, 2, dtype=torch.bool))).logp
        tensor([-2.])
    """
    own, other = (
        total.reciprocal().unsqueeze(-1).expand_as(view.policy) for total in (view.total_weight, view.total_ref_weight)
    )
    return view.weighted(own, None if view.reference_weights is None else other)


class Averaged(Wrapper):
    """Any objective on log-probabilities averaged over each response's tokens instead of summed.

    loss = loss(views),   log π(y|x) ← (1 / |y|) Σ_t log π(y_t),   likewise for π_ref

    A margin is then in nats per token, so β is usually raised by about the length of a response. The implicit reward is
    averaged too.

    Args:
        objective: the inner objective.

    Example:
        >>> import torch
        >>> from penchant.objectives import IPO
        >>> up = Scored(torch.zeros(1, 2), -torch.ones(1, 2), torch.ones(1, 2, dtype=torch.bool))
        >>> level = Scored(torch.zeros(1, 2), torch.zeros(1, 2), torch.ones(1, 2, dtype=torch.bool))
        >>> Averaged(IPO(beta=0.5, average_log_prob=False))(chosen=up, rejected=level).values
        tensor([0.])

    Reference:
        Length normalisation as in Yuan et al. (2023), RRHF, and Meng et al. (2024), SimPO.
    """

    id = "averaged"
    tags = ("length", "normalized")

    def loss(self, **inputs: Any) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The losses of the inner objective on averages, [B]."""
        result = self.objective.compute({name: _every(each) for name, each in inputs.items()})
        return result.values, result.statistics

    def rewards(self, view: Scored) -> Tensor | None:
        """The implicit reward of the inner objective on averages, [R]."""
        return self.objective.rewards(averaged(view))


def _every(given: Any) -> Any:
    if isinstance(given, list):
        return [_every(each) for each in given]
    return averaged(given) if isinstance(given, Scored) else given
