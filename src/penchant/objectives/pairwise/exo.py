"""Efficient exact optimization: the reverse divergence between the policy's and the labels' view of a pair."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from annotated_types import Gt, Interval, Lt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE, PAPER
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import logsigmoid
from penchant.objectives.functional.pairs import logratio_margin

__all__ = ["EXOPref", "EXOPrefOfficial"]


def _divergence(margin: Tensor, log_chosen: float, log_rejected: float) -> Tensor:
    """Σ q log(q / p) for q = (σ(z), σ(−z)) and the target's logarithms log p, [B]."""
    chosen = torch.sigmoid(margin) * (logsigmoid(margin) - log_chosen)
    return chosen + torch.sigmoid(-margin) * (logsigmoid(-margin) - log_rejected)


class EXOPref(Objective):
    """Efficient Exact Optimization on pairs (Ji et al., 2024), with a normalised target.

    loss = q log(q / (1 − ε)) + (1 − q) log((1 − q) / ε),   q = σ(β (Δ_chosen − Δ_rejected)),   Δ = log π − log π_ref

    The reverse Kullback-Leibler divergence of the policy's view of the pair from a label that errs with probability ε;
    DPO minimises the forward one. It is zero at β (Δ_chosen − Δ_rejected) = log((1 − ε) / ε) and grows beyond: margins
    have a goal. Far below it, the gradient fades. Nothing is detached. The target here is normalised; that of the
    published code is not (``exo-pref-official``). At ε = 0 the loss is infinite, so 0 is refused.

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> EXOPref(label_smoothing=0.001)(chosen=equal, rejected=equal).values
        tensor([2.7612])

    Reference:
        Ji, Lu, Niu, Ke, Wang, Zhu, Tang, Huang (2024), Towards Efficient Exact Optimization of Language Model
        Alignment.
    """

    id = "exo-pref"
    paper = "arXiv:2402.00856"
    evidence = OFFICIAL_CODE
    tags = ("divergence", "noise")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "slope β_π of the policy's view of a pair, per nat of margin"] = 0.1
    label_smoothing: Annotated[float, Interval(gt=0, lt=0.5), "probability ε that a label errs; it sets the goal"] = (
        1e-3
    )

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss of each pair, [B]."""
        margin = self.beta * logratio_margin(chosen, rejected)
        return _divergence(margin, math.log1p(-self.label_smoothing), math.log(self.label_smoothing))


class EXOPrefOfficial(Objective):
    """Efficient Exact Optimization on pairs (Ji et al., 2024), as in its published code.

    loss = q log q + (1 − q) (log(1 − q) − log ε),   q = σ(β (Δ_chosen − Δ_rejected)),   Δ = log π − log π_ref

    The target (1, ε) does not sum to one, so the loss lies below that of ``exo-pref`` by at most −log(1 − ε), 4.5e-5 at
    ε = e⁻¹⁰, and may be negative. Its gradient is that of ``exo-pref`` at the odds 1 : ε.

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> EXOPrefOfficial()(chosen=equal, rejected=equal).values
        tensor([4.3069])

    Reference:
        Ji, Lu, Niu, Ke, Wang, Zhu, Tang, Huang (2024), Towards Efficient Exact Optimization of Language Model
        Alignment.
    """

    id = "exo-pref-official"
    paper = "arXiv:2402.00856"
    evidence = PAPER
    tags = ("divergence", "noise")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "slope β_π of the policy's view of a pair, per nat of margin"] = 0.1
    log_epsilon: Annotated[float, Lt(0), "log ε of the rejected response's share, nats"] = -10.0

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss of each pair, [B]."""
        return _divergence(self.beta * logratio_margin(chosen, rejected), 0.0, self.log_epsilon)
