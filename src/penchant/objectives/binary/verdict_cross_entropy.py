"""Cross-entropy over two words: trains an evaluator that says whether a solution is correct."""

from __future__ import annotations

import torch
from torch import Tensor

from penchant.objectives.core.evidence import PAPER
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import logsigmoid
from penchant.objectives.functional.verdicts import log_odds, won

__all__ = ["VerdictCrossEntropy"]


class VerdictCrossEntropy(Objective):
    """Cross-entropy over the words of a verdict, for an evaluator of solutions (Liu et al., 2023).

    loss = −[y log S + (1 − y) log(1 − S)],   S = p("correct") / (p("correct") + p("incorrect"))

    p is the probability of the word's first token after the problem, the solution and the question whether it is
    correct; y is 1 for a right solution. S depends on the difference of both logits alone. The judge ``two-words``
    scores solutions with the trained model.

    Example:
        >>> import torch
        >>> word = Scored(torch.full((1, 2), -1.0), None, torch.ones(1, 2, dtype=torch.bool))
        >>> VerdictCrossEntropy()(called_correct=word, called_incorrect=word, label=torch.ones(1)).values
        tensor([0.6931])

    Reference:
        Liu, Avi Singh, Freeman, Co-Reyes, Liu (2023), Improving Large Language Model Fine-tuning for Solving Math
        Problems.
    """

    id = "verdict-cross-entropy"
    paper = "arXiv:2310.10047"
    evidence = PAPER

    def loss(self, called_correct: Scored, called_incorrect: Scored, label: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per solution, [B], with S and whether the likelier word is the right one (½ for equal ones)."""
        odds = log_odds(called_correct, called_incorrect)
        towards = torch.where(label > 0.5, odds, -odds)
        return -logsigmoid(towards), {"verdict_share": odds.sigmoid(), "verdict_accuracy": won(towards)}
