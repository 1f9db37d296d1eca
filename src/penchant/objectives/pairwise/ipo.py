"""Identity Preference Optimization: a squared loss that aims at a bounded margin."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logratio_margin

__all__ = ["IPO"]


class IPO(Objective):
    """Identity Preference Optimization (Azar et al., 2023), eq. 17.

    loss = (Δ_chosen − Δ_rejected − 1 / (2 β))²,   Δ = log π(y|x) − log π_ref(y|x)   (per token, or summed; nats)

    The paper writes τ for β and sums over tokens. Its authors have said that the reported results come from means over
    each response's tokens, which is the default here; ``average_log_prob=False`` gives the formula as printed. With
    means, β between 0.1 and 1 is usual, with sums 0.01 to 0.1.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> IPO(beta=0.5)(chosen=equal, rejected=equal).values
        tensor([1.])

    Reference:
        Azar, Rowland, Piot, Guo, Calandriello, Valko, Munos (2023), A General Theoretical Paradigm to Understand
        Learning from Human Preferences.
    """

    id = "ipo"
    paper = "arXiv:2310.12036"
    evidence = OFFICIAL_CODE
    tags = ("robust",)
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "strength of the regularisation; the margin aimed at is 1 / (2 beta) nats"] = 0.1
    average_log_prob: Annotated[bool, "average the log-ratio over each response's tokens instead of summing"] = True

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss of each pair, [B]."""
        margin = logratio_margin(chosen, rejected, average=self.average_log_prob)
        return (margin - 1 / (2 * self.beta)) ** 2
