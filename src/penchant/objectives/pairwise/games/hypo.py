"""Hybrid Preference Optimization (HyPO): DPO on given pairs, with the divergence measured on fresh samples."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import reconstruction
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["HyPO"]


class HyPO(Objective):
    """Hybrid Preference Optimization, HyPO (Song et al., 2024), algorithm 1.

    loss = −log σ(β (Δ_chosen − Δ_rejected)) + λ (Δ_fresh − b) log π(y_fresh|x),   Δ = log π − log π_ref   (summed)

    Δ is in nats. The pair comes with the data; ``fresh`` is a response that the policy has just sampled to the same
    prompt, for which no label is needed. Δ_fresh and b carry no gradient, so that in expectation the second term has
    the gradient of λ KL(π ‖ π_ref): unlike that of DPO, it is bounded where the pairs do not reach. b is the mean of Δ
    over the other samples of the batch with ``baseline``, which changes the variance alone, and otherwise 0.
    Statistics: ``kl``, the sample's Δ.

    Example:
        >>> import torch
        >>> one = torch.ones(1, 3, dtype=torch.bool)
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), one)
        >>> gained = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -2.0), one)
        >>> HyPO(weight=0.1)(chosen=equal, rejected=equal, fresh=gained).values
        tensor([-0.2069])

    Reference:
        Song, Swamy, Singh, Bagnell, Sun (2024), The Importance of Online Data: Understanding Preference Fine-tuning via
        Coverage.
    """

    id = "hypo"
    paper = "arXiv:2406.01462"
    evidence = reconstruction("The default of λ, and the mean of the other samples as baseline, are ours.")
    tags = ("online",)
    exempt = Exempt(value_gradient="the log-ratio of a fresh sample is a weight without gradient")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward"] = 0.1
    weight: Annotated[float, Ge(0), "λ: weight of the divergence, per nat; 0 is DPO"] = 1e-4
    baseline: Annotated[bool, "subtract the mean log-ratio of the batch's other fresh samples"] = False

    @property
    def batch_coupled(self) -> bool:  # type: ignore[override]  # a baseline is a mean over the batch
        """Whether the baseline, a mean over the batch, is used."""
        return self.baseline

    def loss(self, chosen: Scored, rejected: Scored, fresh: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per example, [B], with the log-ratio of its fresh sample."""
        lead = fresh.logratio.detach()
        weight = lead
        if self.baseline and len(lead) > 1:
            weight = lead - (lead.sum() - lead) / (len(lead) - 1)
        divergence = self.weight * weight * fresh.logp
        return logistic(self.beta * logratio_margin(chosen, rejected)) + divergence, {"kl": lead}
