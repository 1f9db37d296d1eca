"""Margin of verdicts: trains an evaluator to believe more in a right solution than in a wrong one."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge
from torch import Tensor, relu

from penchant.objectives.core.evidence import reconstruction
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import logsigmoid
from penchant.objectives.functional.verdicts import log_odds, won

__all__ = ["VerdictMargin"]


class VerdictMargin(Objective):
    """Margin between the verdicts on a right and a wrong solution, for an evaluator of solutions (Liu et al., 2023).

    loss = max(0, log S(wrong) − log S(right) + λ),   S = p("correct") / (p("correct") + p("incorrect"))

    p is the probability of the word's first token after the problem, the solution and the question whether it is
    correct. The chosen solution is right, the rejected one wrong. A margin on S alone would end at λ = 1; on log S the
    wrong solution can always be believed in less.

    Example:
        >>> import torch
        >>> word = Scored(torch.full((1, 2), -1.0), None, torch.ones(1, 2, dtype=torch.bool))
        >>> views = ("chosen_called_correct", "chosen_called_incorrect", "rejected_called_correct")
        >>> given = dict.fromkeys((*views, "rejected_called_incorrect"), word)
        >>> VerdictMargin()(**given).values
        tensor([1.])

    Reference:
        Liu, Avi Singh, Freeman, Co-Reyes, Liu (2023), Improving Large Language Model Fine-tuning for Solving Math
        Problems.
    """

    id = "verdict-margin"
    paper = "arXiv:2310.10047"
    evidence = reconstruction("the paper's margin λ is not known; 1 is our choice")
    tags = ("margin",)

    lambda_: Annotated[float, Ge(0), "margin λ, nats"] = 1.0

    def loss(
        self,
        chosen_called_correct: Scored,
        chosen_called_incorrect: Scored,
        rejected_called_correct: Scored,
        rejected_called_incorrect: Scored,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with whether the right solution is believed in more (½ for equal ones)."""
        right = logsigmoid(log_odds(chosen_called_correct, chosen_called_incorrect))
        wrong = logsigmoid(log_odds(rejected_called_correct, rejected_called_incorrect))
        return relu(wrong - right + self.lambda_), {"verdict_accuracy": won(right - wrong)}
