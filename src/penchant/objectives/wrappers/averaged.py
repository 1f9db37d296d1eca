"""Averaging: any objective sees the mean over a response's tokens where it would see their sum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from penchant.objectives.core.scored import Scored
from penchant.objectives.core.wrapper import Wrapper

__all__ = ["Averaged", "averaged"]


def averaged(view: Scored) -> Scored:
    """The same responses, each token counting as one over the length of its response.

    log π(y|x) ← (1 / |y|) Σ_t log π(y_t)

    Tokens that have weights keep their proportions: the sum becomes the weighted mean. Means stay what they are.

    Args:
        view: responses.

    Returns:
        The responses, whose sums are means, nats per token.

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

    loss = loss(views),   log π(y|x) ← (1 / |y|) Σ_t log π(y_t),   the reference alike

    A margin is then in nats per token, so β is usually raised by about the length of a response. The implicit reward is
    averaged too.

    Args:
        objective: which sees averages.

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
        """The losses of the objective inside on averages, [B]."""
        result = self.objective.compute({name: _every(each) for name, each in inputs.items()})
        return result.values, result.statistics

    def rewards(self, view: Scored) -> Tensor | None:
        """The implicit reward of the objective inside on averages, [R]."""
        return self.objective.rewards(averaged(view))


def _every(given: Any) -> Any:
    if isinstance(given, list):
        return [_every(each) for each in given]
    return averaged(given) if isinstance(given, Scored) else given
