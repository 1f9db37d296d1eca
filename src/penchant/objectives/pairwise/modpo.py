"""Multi-Objective Direct Preference Optimization (MODPO): DPO on one objective, with the others' rewards as margin."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from annotated_types import Gt, MinLen
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective, Requirements
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import hinge, logistic

__all__ = ["MODPO"]

_MARGINS = ("chosen_margin_rewards", "rejected_margin_rewards")


class MODPO(Objective):
    """Multi-Objective Direct Preference Optimization (Zhou et al., 2024), eq. 8.

    loss = −log σ(h(y_c) − h(y_r)),   h(y) = (β Δ_y − Σ_{j≥1} w_j r_j(x, y)) / w_0,   Δ = log π(y|x) − log π_ref(y|x)

    The pairs are those of objective 0; r_1, r_2, … are the rewards of the other objectives, constants that come with
    the record as the lists ``chosen_margin_rewards`` and ``rejected_margin_rewards``, in the order of w_1, w_2, …. Each
    may be an implicit reward of a policy trained by DPO, a reward model's score, or a function such as minus the
    length; ``penchant data build margin-rewards`` writes them with any judges. Δ is summed over tokens (nats). The
    weights need not sum to 1; the record's list ``objective_weights``, if it has one, is used in their place. With all
    weights but w_0 equal to 0 the loss is DPO's at β / w_0 and the fields are not read. The published code also has
    the hinge, max(0, 1 − (h(y_c) − h(y_r))). Statistics: ``chosen_rewards`` and ``rejected_rewards``, the h of both
    responses.

    Raises:
        ConfigurationError: w_0 is not above 0, or a record has another number of rewards than there are weights.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> rewards = {"chosen_margin_rewards": torch.tensor([[1.0]]), "rejected_margin_rewards": torch.tensor([[0.0]])}
        >>> MODPO(weights=[0.5, 0.5])(chosen=equal, rejected=equal, **rewards).values  # log(1 + e)
        tensor([1.3133])

    Reference:
        Zhou, Liu, Shao, Yue, Yang, Ouyang, Qiao (2024), Beyond One-Preference-Fits-All Alignment: Multi-Objective
        Direct Preference Optimization.
    """

    id = "modpo"
    paper = "arXiv:2310.03708"
    evidence = OFFICIAL_CODE
    tags = ("margin", "scores")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward; larger stays closer to the reference"] = (
        0.1
    )
    weights: Annotated[
        list[float], MinLen(1), "weight w_0 > 0 of the pairs' own objective, then one for each margin reward"
    ] = [0.5, 0.5]  # noqa: RUF012  # copied below, never changed
    loss_type: Annotated[Literal["sigmoid", "hinge"], "loss of the margin"] = "sigmoid"

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.weights = list(self.weights)
        if self.weights[0] <= 0:
            raise ConfigurationError(
                f"The first of the weights {self.weights} is {self.weights[0]:g}, expected a number above 0.",
                where="objective modpo",
                why="It weighs the objective of the pairs, and the loss divides by it.",
                fix="Train on the pairs of an objective whose weight is above 0.",
            )

    @property
    def requirements(self) -> Requirements:
        """The margin rewards are needed unless their weights are all 0."""
        wanted = super().requirements
        return replace(wanted, optional=wanted.optional - set(_MARGINS)) if any(self.weights[1:]) else wanted

    def loss(
        self,
        chosen: Scored,
        rejected: Scored,
        chosen_margin_rewards: Tensor | None = None,
        rejected_margin_rewards: Tensor | None = None,
        objective_weights: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with the reward h of both responses."""
        examples = len(chosen.logratio)
        weights = self._weights(examples, chosen.logratio, objective_weights)
        sides = ((chosen, _MARGINS[0], chosen_margin_rewards), (rejected, _MARGINS[1], rejected_margin_rewards))
        high, low = (
            (self.beta * view.logratio - _others(name, given, weights[:, 1:])) / weights[:, 0]
            for view, name, given in sides
        )
        margin = high - low
        losses = logistic(margin) if self.loss_type == "sigmoid" else hinge(margin)
        return losses, {"chosen_rewards": high, "rejected_rewards": low}

    def _weights(self, examples: int, like: Tensor, own: Tensor | None) -> Tensor:
        """The weights of each pair, [B, 1 + J]."""
        if own is None:
            return like.new_tensor(self.weights).expand(examples, -1)
        table = own.to(like).reshape(examples, -1) if examples else like.new_zeros(0, len(self.weights))
        if table.shape[1] != len(self.weights) or bool((table[:, 0] <= 0).any()):
            raise ConfigurationError(
                f"The field 'objective_weights' has {table.shape[1]} numbers, of which the first is at least "
                f"{float(table[:, 0].min()):g}; expected {len(self.weights)}, the first above 0.",
                where="objective modpo",
                fix="Give each record as many weights as the setting 'weights' has, or leave the field out.",
            )
        return table


def _others(name: str, rewards: Tensor | None, weights: Tensor) -> Tensor:
    """Σ_j w_j r_j of each response, [B]; without gradient."""
    examples, count = weights.shape
    if not bool(weights.any()):
        return weights.new_zeros(examples)
    found = 0 if rewards is None else rewards.numel() // examples
    if rewards is None or found != count:
        raise ConfigurationError(
            f"The field {name!r} has {found} numbers in each record, but there are {count} weights beside the first.",
            where="objective modpo",
            fix="Give each record a list with one reward for each of these weights, in their order: "
            "penchant data build margin-rewards.",
        )
    return (weights * rewards.detach().to(weights).reshape(examples, count)).sum(dim=-1)
