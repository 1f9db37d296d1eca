"""TAB-PO: DPO on weighted averages of token log-ratios, with a barrier for unlikely tokens of the chosen response."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from annotated_types import Ge, Gt, Interval
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import masked_sum
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["TABPO"]


class TABPO(Objective):
    """Token-Adaptive Barrier Preference Optimization, TAB-PO (2026), as in its published code.

    loss = −log σ(β (L_chosen − L_rejected)) + λ B,   L = Σ_t w_t (log π_t − log π_ref,t) / Σ_t w_t

    B = Σ_t g_t v_t (−log π_t) / max(1, Σ_t g_t v_t),   g_t = [π_t < τ],   v_t = w_t n / Σ_s w_s

    B is the weighted mean negative log-likelihood of those tokens of the chosen response that are less likely than τ.
    L is an average, so β is per token and not that of DPO. The weights w ≥ 0 are fields of the record,
    ``chosen_token_weights`` and ``rejected_token_weights``, which the columns ``chosen_spans`` and ``rejected_spans``
    supply too; tokens that differ from the other response's token at the same place (``chosen_differs``) count
    ``difference_weight`` times as much. Only ratios of weights within a response matter. λ = 0 with equal weights is
    DPO on mean log-ratios.

    Example:
        >>> one, level = torch.ones(1, 2, dtype=torch.bool), torch.full((1, 2), -1.0)
        >>> view, weights = Scored(level, level, one), torch.tensor([[1.0, 1.2]])
        >>> both = {"chosen_token_weights": weights, "rejected_token_weights": weights}
        >>> TABPO(barrier_weight=0.5)(chosen=view, rejected=view, **both).values
        tensor([1.1931])

    Reference:
        TAB-PO (2026), Token-Adaptive Barrier Preference Optimization.
    """

    id = "tab-po"
    paper = "arXiv:2603.00025"
    evidence = OFFICIAL_CODE
    tags = ("likelihood", "normalized")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward per token"] = 0.5
    prob_threshold: Annotated[
        float, Interval(gt=0, le=1), "probability τ below which the barrier holds a token of the chosen response"
    ] = 0.66
    barrier_weight: Annotated[float, Ge(0), "weight λ of the barrier"] = 0.5
    difference_weight: Annotated[
        float, Gt(0), "factor on tokens that differ from the other response's token at the same place"
    ] = 1.2

    def loss(
        self,
        chosen: Scored,
        rejected: Scored,
        chosen_token_weights: Tensor,
        rejected_token_weights: Tensor,
        chosen_differs: Tensor | None = None,
        rejected_differs: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with its two parts; the barrier is not yet weighted."""
        better = self._weighted(chosen, chosen_token_weights, chosen_differs)
        worse = self._weighted(rejected, rejected_token_weights, rejected_differs)
        base = logistic(self.beta * logratio_margin(better, worse, average=True))
        barrier = self._barrier(better)
        return base + self.barrier_weight * barrier, {"base_loss": base, "barrier": barrier}

    def rewards(self, view: Scored) -> Tensor | None:
        """β times the mean log-ratio per token, [R], without gradient; unweighted."""
        return None if view.reference is None else (self.beta * view.mean_logratio).detach()

    def _weighted(self, view: Scored, weights: Tensor, differs: Tensor | None) -> Scored:
        if differs is not None:
            weights = weights * torch.where(differs > 0, self.difference_weight, 1.0)
        return view.weighted(torch.where(view.mask, weights, 0.0))

    def _barrier(self, view: Scored) -> Tensor:
        """B, [R], nats per token."""
        assert view.weights is not None  # `_weighted` gave them
        share = view.weights * (view.length / view.total_weight).unsqueeze(-1)
        held = view.mask & (view.policy.detach() < math.log(self.prob_threshold))
        active = torch.where(held, share, 0.0)
        surprise = torch.where(held, -view.policy, 0.0)
        return masked_sum(active * surprise, view.mask) / masked_sum(active, view.mask).clamp(min=1)
