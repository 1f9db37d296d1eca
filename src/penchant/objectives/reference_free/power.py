"""POWER: robust reward maximisation with weighted entropy, for pairs and without a reference."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic

__all__ = ["POWER"]


class POWER(Objective):
    """POWER (Rashidinejad, Tian, 2024): pessimistic reward maximisation with weighted entropy.

    loss = −log σ(g) − η β w_chosen log π(chosen),   g = r_chosen − r_rejected,   r_y = β (w_y log π(y|x) + w_y)

    w_y = 1 / |y|, so w log π is the mean log-probability of a token. The entropy is weighted too, which adds w to the
    reward: the target margin is β (w_rejected − w_chosen), none at equal lengths. With η = 0 and equal lengths it is
    SimPO without a target margin. The formula and the ranges of its parameters (β 2 to 10, η 5e-4 to 1e-3) are known
    from memory of the paper, and no published code was found: margin and likelihood term are of medium confidence.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), None, torch.ones(1, 3, dtype=torch.bool))
        >>> POWER(eta=0.0)(chosen=equal, rejected=equal).values
        tensor([0.6931])

    Reference:
        Rashidinejad, Tian (2024), Sail into the Headwind: Alignment via Robust Rewards and Dynamic Labels against
        Reward Hacking.
    """

    id = "power"
    paper = "arXiv:2412.09544"

    beta: Annotated[float, Gt(0), "scale of the implied reward"] = 2.0
    eta: Annotated[float, Ge(0), "weight of the chosen response's likelihood, per unit of beta"] = 5e-4

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        """The loss of each pair, [B]."""
        return logistic(self._margin(chosen, rejected)) + self._likelihood(chosen)

    def rewards(self, view: Scored) -> Tensor:
        """The implicit reward β (w log π + w) of each response, [R], without gradient."""
        return self._reward(view).detach()

    def _reward(self, view: Scored) -> Tensor:
        average = view.mean_logp
        return self.beta * (average + 1 / view.length.clamp(min=1).to(average.dtype))

    def _margin(self, chosen: Scored, rejected: Scored) -> Tensor:
        return self._reward(chosen) - self._reward(rejected)

    def _likelihood(self, chosen: Scored) -> Tensor:
        return -self.eta * self.beta * chosen.mean_logp
