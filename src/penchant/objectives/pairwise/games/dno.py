"""Direct Nash Optimization (DNO): a logistic regression on differences of win rates."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import INDEPENDENT_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["DNO"]


class DNO(Objective):
    """Direct Nash Optimization (Rosset et al., 2024), algorithm 1.

    loss = −c log σ(z) − (1 − c) log σ(−z),   z = η (Δ_chosen − Δ_rejected),   c = σ(w_chosen − w_rejected)

    Δ = log π(y|x) − log π_k(y|x), summed over tokens (nats); the reference π_k is the policy that wrote both responses,
    and w the win rate of each against it. As win rates lie in [0, 1], c lies in [0.27, 0.73]. Exchanging the two
    responses changes nothing. With hard labels it is DNO-Prct: ``dpo`` against π_k, alias ``dno-prct``, on pairs with
    a good winner and a large lead.

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> rates = {"chosen_win_rate": torch.tensor([1.0]), "rejected_win_rate": torch.tensor([0.5])}
        >>> DNO()(chosen=equal, rejected=equal, **rates).values
        tensor([0.6931])

    Reference:
        Rosset, Cheng, Mitra, Santacroce, Awadallah, Xie (2024), Direct Nash Optimization: Teaching Language Models to
        Self-Improve with General Preferences.
    """

    id = "dno"
    paper = "arXiv:2404.03715"
    evidence = INDEPENDENT_CODE
    tags = ("online", "scores", "self-play", "soft-labels")
    needs = Needs(reference=True)

    eta: Annotated[float, Gt(0), "scale of the log-ratios; larger values stay closer to the last policy"] = 0.1

    def loss(self, chosen: Scored, rejected: Scored, chosen_win_rate: Tensor, rejected_win_rate: Tensor) -> Tensor:
        """The loss per pair, [B]."""
        margin = self.eta * logratio_margin(chosen, rejected)
        return logistic(margin, torch.sigmoid(rejected_win_rate - chosen_win_rate))
