"""Flex-DPO: a weaker pull on the rejected response than on the chosen one."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic

__all__ = ["FlexDPO"]


class FlexDPO(Objective):
    """Flex-DPO (Yan et al., 2024), with one inverse temperature for each side.

    loss = −log σ(β₊ Δ_chosen − β₋ Δ_rejected),   Δ = log π(y|x) − log π_ref(y|x)   (summed over tokens, nats)

    A β₋ below β₊ slows the fall of the rejected likelihood. The paper fixes β₊ = 0.1 and finds about 0.08 best for β₋;
    whether it holds β₋ constant, as here, is not certain. The logged reward of both sides is β₊ Δ. From memory and
    reviews; no published code is known.

    Raises:
        ConfigurationError: ``beta_minus`` is above ``beta_plus``.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> FlexDPO()(chosen=equal, rejected=equal).values
        tensor([0.6931])

    Reference:
        Yan, Miao, Li, Zhang, Xie, Deng, Yan (2024), 3D-Properties: Identifying Challenges in DPO and Charting a Path
        Forward.
    """

    id = "flex-dpo"
    paper = "arXiv:2406.07327"
    needs = Needs(reference=True)

    beta_plus: Annotated[float, Gt(0), "inverse temperature β₊ on the side of the chosen response"] = 0.1
    beta_minus: Annotated[float, Ge(0), "inverse temperature β₋ on the rejected side, at most beta_plus"] = 0.08

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        if self.beta_minus > self.beta_plus:
            raise ConfigurationError(
                f"'beta_minus' is {self.beta_minus}, expected at most 'beta_plus', which is {self.beta_plus}.",
                where="objective flex-dpo",
                why="A larger beta_minus speeds up the fall of the rejected likelihood that the method is to slow.",
                fix="Lower beta_minus, or raise beta_plus.",
            )

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss of each pair, [B]."""
        return logistic(self.beta_plus * chosen.logratio - self.beta_minus * rejected.logratio)

    def rewards(self, view: Scored) -> Tensor:
        """The implicit reward β₊ Δ of each response, [R], without gradient."""
        return (self.beta_plus * view.logratio).detach()
