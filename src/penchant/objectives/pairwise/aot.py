"""Alignment via Optimal Transport (AOT): the distribution of chosen rewards dominates that of rejected rewards."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Gt, Interval
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.pairs import logistic

__all__ = ["AOTPaired", "AOTUnpaired", "Transport"]


class Transport(Objective):
    """Base class of both forms of AOT (Melnyk et al., 2024): a logistic loss on gaps between sorted values.

    loss_i = −(1 − ε) log σ(β δ_i) − ε log σ(−β δ_i),   δ = sort(raised) − sort(lowered)

    A subclass defines which values are raised above which. Loss i belongs to rank i, not to record i, so do not use
    record weights.

    Example:
        >>> [each.id for each in Transport.__subclasses__()]
        ['aot-paired', 'aot-unpaired']

    Reference:
        Melnyk, Mroueh, Belgodere, Rigotti, Nitsure, Yurochkin, Greenewald, Navratil, Ross (2024), Distributional
        Preference Alignment of LLMs via Optimal Transport.
    """

    paper = "arXiv:2406.05882"
    needs = Needs(reference=True)
    batch_coupled = True

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward; larger stays closer to the reference"] = (
        0.1
    )
    label_smoothing: Annotated[float, Interval(ge=0, lt=0.5), "assumed share ε of flipped labels"] = 0.0

    def dominate(self, raised: Tensor, lowered: Tensor) -> Tensor:
        """The loss per rank of the batch, [B]; gradients flow to the sorted values."""
        return logistic(self.beta * (raised.sort().values - lowered.sort().values), self.label_smoothing)


class AOTPaired(Transport):
    """Alignment via Optimal Transport on pairs (Melnyk et al., 2024), with the logistic loss.

    loss_i = −(1 − ε) log σ(β δ_i) − ε log σ(−β δ_i),   δ = sort(d) − sort(d_ref),   d = log π_chosen − log π_rejected

    Log-probabilities are summed over tokens (nats); d_ref is d of the reference. Both are sorted over the batch,
    ascending, so loss i belongs to the i-th smallest margins, not to pair i; gradients flow through the sorted values
    to their pairs. The loss pushes the distribution of the policy's margins to dominate that of the reference. The sort
    couples the examples, so a split step takes one more forward pass; a batch of one pair is DPO.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> AOTPaired()(chosen=equal, rejected=equal).values
        tensor([0.6931])

    Reference:
        Melnyk, Mroueh, Belgodere, Rigotti, Nitsure, Yurochkin, Greenewald, Navratil, Ross (2024), Distributional
        Preference Alignment of LLMs via Optimal Transport.
    """

    id = "aot-paired"
    evidence = OFFICIAL_CODE
    tags = ("batch", "distribution")

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per rank of the batch, [B]."""
        return self.dominate(chosen.logp - rejected.logp, chosen.ref_logp - rejected.ref_logp)


class AOTUnpaired(Transport):
    """Alignment via Optimal Transport on two sets (Melnyk et al., 2024), with the logistic loss.

    loss_i = −(1 − ε) log σ(β δ_i) − ε log σ(−β δ_i),   δ = sort(Δ_chosen) − sort(Δ_rejected),   Δ = log π − log π_ref

    Each side is sorted over the batch, ascending, so the pairing of chosen and rejected responses does not matter, and
    loss i belongs to the i-th smallest log-ratios. Gradients flow through the sorted values. The sort couples the
    examples, so a split step takes one more forward pass; a batch of one pair is DPO.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> AOTUnpaired()(chosen=equal, rejected=equal).values
        tensor([0.6931])

    Reference:
        Melnyk, Mroueh, Belgodere, Rigotti, Nitsure, Yurochkin, Greenewald, Navratil, Ross (2024), Distributional
        Preference Alignment of LLMs via Optimal Transport.
    """

    id = "aot-unpaired"
    evidence = OFFICIAL_CODE
    tags = ("batch", "distribution")

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        """The loss per rank of the batch, [B]."""
        return self.dominate(chosen.logratio, rejected.logratio)
