"""OPRL: a process reward model whose steps' rewards are log-ratios, learned from outcomes of trajectories."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import logsigmoid, masked_sum

__all__ = ["OPRL"]


class OPRL(Objective):
    """The reward model of Online Process Reward Learning (Liu et al., 2025): DPO between trajectories.

    loss = mean over pairs (i better than j) of a group of −log σ(V_i − V_j),   V = Σ_steps r_step

    r_step = β Σ_{t in step} (log φ_t − log π_old,t)

    φ is the model that is trained and the reference is the policy that sampled the trajectories, so at φ = π_old every
    step's reward is 0 and the loss is log 2. The rewards of a trajectory's steps add up to β times its log-ratio.
    ``aggregation`` "mean" divides V by the number of steps, as the released code does; the paper has the sum, which is
    the default. A group whose outcomes are all equal has no pair and no loss. The mean is over the pairs of the batch.

    Example:
        >>> equal = torch.full((2, 2), -1.0)
        >>> both = Scored(equal, equal, equal < 0, group=torch.tensor([0, 0]))
        >>> OPRL()(responses=both, scores=torch.tensor([1.0, 0.0])).values
        tensor([0.6931])

    Reference:
        Liu et al. (2025), Online Process Reward Learning for Agentic Reinforcement Learning.
    """

    id = "oprl"
    paper = "arXiv:2509.19199"
    evidence = OFFICIAL_CODE
    tags = ("batch", "online", "scores")
    needs = Needs(reference=True)
    batch_coupled = True

    beta: Annotated[float, Gt(0), "inverse temperature of the implied step reward"] = 0.05
    aggregation: Annotated[Literal["sum", "mean"], "value of a trajectory: sum or mean over its steps"] = "sum"

    def loss(self, responses: Scored, scores: Tensor, step_index: Tensor | None = None) -> Tensor:
        """The loss per prompt, [B]; ``scores`` are the outcomes, ``step_index`` numbers steps from 1."""
        value = self.beta * masked_sum(responses.token_logratio, responses.mask)
        if self.aggregation == "mean" and step_index is not None:
            number = torch.where(responses.mask, step_index.long(), 0).sort(-1).values
            steps = (number.diff(dim=-1, prepend=torch.zeros_like(number[:, :1])) > 0).sum(-1)
            value = value / steps.clamp(min=1)
        group = responses.group
        better = (group.unsqueeze(1) == group) & (scores.unsqueeze(1) > scores)
        costs = torch.where(better, -logsigmoid(value.unsqueeze(1) - value), 0.0).sum(-1)
        found = costs.new_zeros(responses.examples).index_add(0, group, costs)
        return found * responses.examples / better.sum().clamp(min=1)
