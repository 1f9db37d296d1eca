"""Efficient Exact Optimization (EXO) on pairs: reverse KL between the policy's and the label's pair distribution."""

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
    """Σ q log(q / p) for q = (σ(z), σ(−z)), given log p of the target, [B]."""
    chosen = torch.sigmoid(margin) * (logsigmoid(margin) - log_chosen)
    return chosen + torch.sigmoid(-margin) * (logsigmoid(-margin) - log_rejected)


class EXOPref(Objective):
    """Efficient Exact Optimization on pairs (Ji et al., 2024), with a normalised target.

    loss = q log(q / (1 − ε)) + (1 − q) log((1 − q) / ε),   q = σ(β (Δ_chosen − Δ_rejected)),   Δ = log π − log π_ref

    The reverse KL divergence of the policy's distribution over the pair from a label that is wrong with probability ε;
    DPO minimises the forward KL. The loss is zero at β (Δ_chosen − Δ_rejected) = log((1 − ε) / ε) and grows beyond, so
    the margin has a finite target. Far below the target, the gradient vanishes. Nothing is detached. The target here is
    normalised; that of the published code is not (``exo-pref-official``). ε = 0 is not allowed, since the loss would be
    infinite.

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

    beta: Annotated[float, Gt(0), "slope β_π of the policy's pair distribution, per nat of margin"] = 0.1
    label_smoothing: Annotated[
        float, Interval(gt=0, lt=0.5), "probability ε that a label is wrong; it sets the target margin"
    ] = 1e-3

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        margin = self.beta * logratio_margin(chosen, rejected)
        return _divergence(margin, math.log1p(-self.label_smoothing), math.log(self.label_smoothing))


class EXOPrefOfficial(Objective):
    """Efficient Exact Optimization on pairs (Ji et al., 2024), as in its published code.

    loss = q log q + (1 − q) (log(1 − q) − log ε),   q = σ(β (Δ_chosen − Δ_rejected)),   Δ = log π − log π_ref

    The target (1, ε) does not sum to one, so the loss is below that of ``exo-pref`` by at most −log(1 − ε), 4.5e-5 at ε
    = e⁻¹⁰, and can be negative. Its gradient is that of ``exo-pref`` with the odds 1 : ε.

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

    beta: Annotated[float, Gt(0), "slope β_π of the policy's pair distribution, per nat of margin"] = 0.1
    log_epsilon: Annotated[float, Lt(0), "log ε of the target for the rejected response, nats"] = -10.0

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        return _divergence(self.beta * logratio_margin(chosen, rejected), 0.0, self.log_epsilon)
