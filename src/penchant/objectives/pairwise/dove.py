"""DOVE: DPO on joint preferences between two (instruction, response) pairs."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import PAPER
from penchant.objectives.core.objective import Needs, Objective, Requirements
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["DOVE"]


class DOVE(Objective):
    """Joint Preference Optimization, DOVE (Bansal, Suvarna, Bhatt, Peng, Chang, Grover, 2024).

    loss = −log σ(β (J_chosen − J_rejected)),   J = log π(x, y) − log π_ref(x, y),   log π(x, y) = log π(x) + log π(y|x)

    Sums over the tokens of instruction and response, nats; the first token has no prediction. Each side has its own
    instruction (records of kind "joint comparison"). If both are the same, as in a plain comparison, the instruction
    cancels and the loss is that of DPO. ``joint=False`` leaves the instructions out of the sums, which is the default
    of the released code.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 5), -1.0), torch.full((1, 5), -1.0), torch.ones(1, 5, dtype=torch.bool))
        >>> DOVE(beta=0.1)(chosen_joint=equal, rejected_joint=equal).values
        tensor([0.6931])

    Reference:
        Bansal, Suvarna, Bhatt, Peng, Chang, Grover (2024), Comparing Bad Apples to Good Oranges: Aligning Large
        Language Models via Joint Preference Optimization.
    """

    id = "dove"
    paper = "arXiv:2404.00530"
    evidence = PAPER
    tags = ("instructions",)
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward; larger stays closer to the reference"] = (
        0.1
    )
    joint: Annotated[
        bool, "include the tokens of the instructions; otherwise score each response under its own instruction"
    ] = True

    @property
    def requirements(self) -> Requirements:
        """Both sides with scored instructions, or the responses only."""
        views = ("chosen_joint", "rejected_joint") if self.joint else ("chosen", "rejected")
        return replace(super().requirements, views=views)

    def loss(self, **sides: Scored) -> Tensor:
        """The loss per pair, [B]."""
        chosen, rejected = (sides[name] for name in self.requirements.views)
        return logistic(self.beta * logratio_margin(chosen, rejected))
