"""Iterative Nash Policy Optimization (INPO): a squared loss to a margin against two references."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt, Interval
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logratio_margin

__all__ = ["INPO"]


class INPO(Objective):
    """Iterative Nash Policy Optimization (Zhang et al., 2024), eq. 7.

    loss = (d − 1 / (2 η))²,   d = (τ / η) m_ref + (1 − τ / η) m_k,   m = Δ_chosen − Δ_rejected   (summed, nats)

    m_ref is the margin of the log-ratios against the reference, m_k that against the policy at the start of the round,
    which wrote the pair. τ is the weight of the divergence from the reference and η the step of online mirror descent;
    ``ratio`` is τ / η. With ratio 1, and in the first round, it is ``ipo`` with sums over tokens and β = η; with ratio
    0 it is that loss against the last policy.

    Example:
        >>> import torch
        >>> level, one = torch.full((1, 2), -1.0), torch.ones(1, 2, dtype=torch.bool)
        >>> equal = Scored(level, level, one, checkpoints={"previous": level})
        >>> INPO(eta=0.5)(chosen=equal, rejected=equal).values
        tensor([1.])

    Reference:
        Zhang, Yu, Peng, Song, Tian, Huo, Jiang, Mi, Yu (2024), Iterative Nash Policy Optimization: Aligning LLMs with
        General Preferences via No-Regret Learning.
    """

    id = "inpo"
    paper = "arXiv:2407.00617"
    evidence = OFFICIAL_CODE
    tags = ("online", "self-play")
    needs = Needs(reference=True, checkpoints=frozenset({"previous"}))

    eta: Annotated[float, Gt(0), "step η of mirror descent; the target margin is 1 / (2 η) nats"] = 0.005
    ratio: Annotated[float, Interval(ge=0, le=1), "τ / η: weight of the reference against the policy of the round"] = (
        1 / 3
    )

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per pair, [B]."""
        step = chosen.logratio_to("previous") - rejected.logratio_to("previous")
        margin = self.ratio * logratio_margin(chosen, rejected) + (1 - self.ratio) * step
        return (margin - 1 / (2 * self.eta)).square()
