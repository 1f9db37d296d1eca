"""Identity Preference Optimization (IPO): squared loss to a finite target margin."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logratio_margin, squared

__all__ = ["IPO"]


class IPO(Objective):
    """Identity Preference Optimization (Azar et al., 2023), eq. 17.

    loss = (Δ_chosen − Δ_rejected − 1 / (2 β))²,   Δ = log π(y|x) − log π_ref(y|x)   (per token, or summed; nats)

    The paper writes τ for β and sums over tokens. According to its authors, the reported results use means over the
    tokens of each response, which is the default here; ``average_log_prob=False`` gives the printed formula. Usual
    values of β are 0.1 to 1 with means and 0.01 to 0.1 with sums.

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

    beta: Annotated[float, Gt(0), "strength of the regularisation; the target margin is 1 / (2 beta) nats"] = 0.1
    average_log_prob: Annotated[bool, "average the log-ratio over the tokens of each response instead of summing"] = (
        True
    )

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        margin = logratio_margin(chosen, rejected, average=self.average_log_prob)
        return squared(margin, self.beta)
