"""Negative log-likelihood (NLL): supervised fine-tuning on chosen or demonstrated responses."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from penchant.objectives.core.evidence import PAPER
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import negative_log_likelihood

__all__ = ["NLL"]


class NLL(Objective):
    """Negative log-likelihood of the chosen response (maximum likelihood; supervised fine-tuning).

    loss = −(1 / |y|) log π(y|x) = −(1 / |y|) Σ_t log π(y_t | x, y_<t)   (nats per token; without 1 / |y| if summed)

    Each example counts the same, whatever its length. The completion of a demonstration is its chosen response.

    Example:
        >>> import torch
        >>> view = Scored(torch.tensor([[-1.0, -3.0]]), None, torch.ones(1, 2, dtype=torch.bool))
        >>> NLL()(chosen=view).values, NLL(average=False)(chosen=view).values
        (tensor([2.]), tensor([4.]))

    Reference:
        Fisher (1922), On the Mathematical Foundations of Theoretical Statistics.
    """

    id = "nll"
    aliases = ("sft",)
    paper = "doi:10.1098/rsta.1922.0009"
    evidence = PAPER
    tags = ("supervised", "likelihood")

    average: Annotated[bool, "average over the tokens of the response instead of summing"] = True

    def loss(self, chosen: Scored) -> Tensor:
        """The loss per response, [B]."""
        return negative_log_likelihood(chosen, average=self.average)
