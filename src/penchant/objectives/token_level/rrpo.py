"""RRPO: DPO on the phrases that differ, with the divergence of every token of the chosen response."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import masked_sum
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["RRPO"]


class RRPO(Objective):
    """Refined Regularized Preference Optimization, RRPO (Sarkar, Etemad, 2025), as in its published code.

    loss = −log σ(β Σ_j [g_j(chosen) − g_j(rejected)]) + α Σ_t KL(π_ref ‖ π)_t,   g_j = Σ_{t in phrase j} log-ratio_t

    The phrases are numbered from 1 in the fields ``chosen_phrase_ids`` and ``rejected_phrase_ids`` (0: no phrase),
    which the columns ``chosen_phrases`` or ``chosen_marked`` supply. The divergence is summed over all tokens of the
    chosen response, so those outside of phrases have a gradient from it alone. With every token in a phrase and α = 0
    it is DPO.

    Example:
        >>> one, level = torch.ones(1, 2, dtype=torch.bool), torch.full((1, 2), -1.0)
        >>> view = Scored(level, level, one, stats={"reference_kl": torch.full((1, 2), 0.5)})
        >>> ids = torch.tensor([[0.0, 1.0]])
        >>> RRPO(alpha=0.1)(chosen=view, rejected=view, chosen_phrase_ids=ids, rejected_phrase_ids=ids).values
        tensor([0.7931])

    Reference:
        Sarkar, Etemad (2025), Self-alignment of Large Video Language Models with Refined Regularized Preference
        Optimization.
    """

    id = "rrpo"
    paper = "arXiv:2504.12083"
    evidence = OFFICIAL_CODE
    tags = ("divergence", "multimodal")
    exempt = Exempt(zero_margin="divergence from the reference costs more")
    needs = Needs(reference=True, stats=frozenset({"reference_kl"}), stats_of=frozenset({"chosen"}))

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward; larger stays closer to the reference"] = (
        0.1
    )
    alpha: Annotated[float, Ge(0), "weight of the divergence of the chosen response; 0.01 to 0.1"] = 0.1

    def loss(
        self, chosen: Scored, rejected: Scored, chosen_phrase_ids: Tensor, rejected_phrase_ids: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with the summed divergence and the log-ratios of the phrases."""
        better, worse = _phrases(chosen, chosen_phrase_ids), _phrases(rejected, rejected_phrase_ids)
        divergence = masked_sum(chosen.stat("reference_kl"), chosen.mask)
        values = logistic(self.beta * logratio_margin(better, worse)) + self.alpha * divergence
        inside = {"phrases/chosen": better.logratio, "phrases/rejected": worse.logratio}
        return values, {"position_kl/chosen": divergence, **inside}


def _phrases(view: Scored, ids: Tensor) -> Scored:
    """The response with weight 1 inside of phrases and 0 outside."""
    return view.weighted(torch.where(view.mask & (ids > 0), 1.0, 0.0).to(view.policy.dtype))
