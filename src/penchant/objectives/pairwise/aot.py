"""Alignment via optimal transport: rewards of chosen responses are to dominate those of rejected ones as a whole."""

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
    """What both forms of AOT share (Melnyk et al., 2024): a logistic loss on the gaps between sorted numbers.

    loss_i = −(1 − ε) log σ(β δ_i) − ε log σ(−β δ_i),   δ = sort(raised) − sort(lowered)

    It is a base class: a subclass says which numbers are raised above which. Loss i is of rank i, so weights that
    records carry would meet the losses of other records: leave them out.

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
    label_smoothing: Annotated[float, Interval(ge=0, lt=0.5), "share ε of the labels that are taken to be flipped"] = (
        0.0
    )

    def dominate(self, raised: Tensor, lowered: Tensor) -> Tensor:
        """The loss of each rank of the batch, [B]; gradients reach the numbers that were sorted."""
        return logistic(self.beta * (raised.sort().values - lowered.sort().values), self.label_smoothing)


class AOTPaired(Transport):
    """Alignment via Optimal Transport on pairs (Melnyk et al., 2024), with the logistic loss.

    loss_i = −(1 − ε) log σ(β δ_i) − ε log σ(−β δ_i),   δ = sort(d) − sort(d_ref),   d = log π_chosen − log π_rejected

    Log-probabilities are summed over tokens (nats); d_ref is d of the reference. Both are sorted over the batch,
    ascending, so loss i is that of the i-th smallest margins, not of pair i; the gradient goes through the sorted
    values to the pairs they belong to. The distribution of the policy's margins is to dominate that of the reference's.
    The examples see one another, so a step is neither split nor shared among processes; a batch of one pair is DPO.

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
        """The loss of each rank of the batch, [B]."""
        return self.dominate(chosen.logp - rejected.logp, chosen.ref_logp - rejected.ref_logp)


class AOTUnpaired(Transport):
    """Alignment via Optimal Transport on two sets (Melnyk et al., 2024), with the logistic loss.

    loss_i = −(1 − ε) log σ(β δ_i) − ε log σ(−β δ_i),   δ = sort(Δ_chosen) − sort(Δ_rejected),   Δ = log π − log π_ref

    Each side is sorted over the batch, ascending, so it does not matter which chosen response stands beside which
    rejected one, and the loss i is that of the i-th smallest log-ratios. The gradient goes through the sorted values.
    The examples see one another, so a step is neither split nor shared among processes; a batch of one pair is DPO.

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
        """The loss of each rank of the batch, [B]."""
        return self.dominate(chosen.logratio, rejected.logratio)
