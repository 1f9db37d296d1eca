"""Length desensitization: tokens beyond the length that both responses share count less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import torch
from annotated_types import Gt, Interval
from torch import Tensor

from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.core.wrapper import PairWrapper
from penchant.objectives.functional.numerics import wide_dtype
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["LDDPO", "TailWeighted", "tail_weighted"]


def tail_weighted(
    chosen: Scored, rejected: Scored, alpha: float, apply_to_reference: bool = True
) -> tuple[Scored, Scored]:
    """Both responses of each pair, with the tokens beyond the shorter one's length counting ``alpha`` times.

    log π(y|x) ← Σ_{t ≤ m} log π(y_t) + α Σ_{t > m} log π(y_t),   m = min(|y_chosen|, |y_rejected|)   (tokens)

    Args:
        chosen: the preferred responses.
        rejected: the others.
        alpha: the weight of the tail; 1 changes nothing, 0 ignores it.
        apply_to_reference: whether the reference's log-probabilities are weighted too.

    Returns:
        Chosen and rejected responses with weights.

    Example:
        >>> long, short = (Scored(torch.full((1, n), -1.0), None, torch.ones(1, n, dtype=torch.bool)) for n in (4, 2))
        >>> [view.logp.item() for view in tail_weighted(long, short, 0.5)]
        [-3.0, -2.0]

    Reference:
        Liu et al. (2024), Length Desensitization in Direct Preference Optimization.
    """
    shared = torch.minimum(chosen.length, rejected.length).unsqueeze(-1)

    def weigh(view: Scored) -> Scored:
        once = torch.ones_like(view.policy, dtype=wide_dtype(view.policy.dtype))
        weights = once.masked_fill(view.mask.cumsum(dim=-1) > shared, alpha)
        return view.weighted(weights, None if apply_to_reference else once)

    return weigh(chosen), weigh(rejected)


class LDDPO(Objective):
    """Length Desensitization in DPO (Liu et al., 2024), the DPO loss on likelihoods with a weighted tail.

    loss = −log σ(β (Δ_chosen − Δ_rejected)),   Δ = log π'(y|x) − log π'_ref(y|x)
    log π'(y|x) = Σ_{t ≤ m} log π(y_t) + α Σ_{t > m} log π(y_t),   m = min(|y_chosen|, |y_rejected|)   (tokens)

    α = 1 is DPO, α = 0 ignores what the longer response has beyond the shorter one. Published programs differ in
    whether the reference is weighted too; here it is unless ``apply_to_reference`` is off. The implicit reward in the
    log is that of whole responses. The paper tunes α for each model; 0.5 is about the middle of its range (medium
    confidence).

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> LDDPO(ld_alpha=0.5)(chosen=equal, rejected=equal).values
        tensor([0.6931])

    Reference:
        Liu et al. (2024), Length Desensitization in Direct Preference Optimization.
    """

    id = "ld-dpo"
    paper = "arXiv:2409.06411"
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward; larger stays closer to the reference"] = (
        0.1
    )
    ld_alpha: Annotated[float, Interval(ge=0, le=1), "weight of the tokens beyond the shorter response's length"] = 0.5
    apply_to_reference: Annotated[bool, "weight the reference's tokens too"] = True

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of each pair, [B], and log π' of both responses."""
        chosen, rejected = tail_weighted(chosen, rejected, self.ld_alpha, self.apply_to_reference)
        told = {"weighted_logp/chosen": chosen.logp, "weighted_logp/rejected": rejected.logp}
        return logistic(self.beta * logratio_margin(chosen, rejected)), told


class TailWeighted(PairWrapper):
    """LD-DPO's weighting (Liu et al., 2024) around any loss of pairs: tokens beyond the shared length count less.

    loss = loss(views),   log π(y|x) ← Σ_{t ≤ m} log π(y_t) + α Σ_{t > m} log π(y_t)
    m = min(|y_chosen|, |y_rejected|)   (tokens)

    Only the longer response of a pair has a tail. Means over tokens become weighted means. Other views of the objective
    inside stay as they are, and so does the implicit reward in the log. ``tail-weighted(dpo)`` is LD-DPO.

    Args:
        objective: one of pairs.
        hyper: ``alpha`` and ``apply_to_reference``.

    Raises:
        ConfigurationError: the objective inside is none of pairs.

    Example:
        >>> from penchant.objectives import DPO
        >>> long = Scored(torch.zeros(1, 3), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> short = Scored(torch.zeros(1, 1), torch.full((1, 1), -1.0), torch.ones(1, 1, dtype=torch.bool))
        >>> TailWeighted(DPO(), alpha=0.0)(chosen=long, rejected=short).values
        tensor([0.6931])

    Reference:
        Liu et al. (2024), Length Desensitization in Direct Preference Optimization.
    """

    id = "tail-weighted"
    paper = "arXiv:2409.06411"

    alpha: Annotated[float, Interval(ge=0, le=1), "weight of the tokens beyond the shorter response's length"] = 0.5
    apply_to_reference: Annotated[bool, "weight the reference's tokens too"] = True

    def loss(self, chosen: Scored, rejected: Scored, **inputs: Any) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The losses of the objective inside on weighted responses, [B]."""
        chosen, rejected = tail_weighted(chosen, rejected, self.alpha, self.apply_to_reference)
        result = self.objective.compute({"chosen": chosen, "rejected": rejected, **inputs})
        return result.values, result.statistics
