"""Selfie: DPO on labels of the policy's own, smoothed where the policy itself doubts them."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt, Interval
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.core.token_statistic import TokenStatistic
from penchant.objectives.functional.pairs import logistic, logratio_margin

__all__ = ["Selfie"]

#: Means over a batch that the running threshold is taken from.
REMEMBERED = 50


def mixed_logp(log_probs: Tensor, ids: Tensor, reference: Tensor | None, mixture: float) -> Tensor:
    """The log-probability of each token under the mixture of logits m · policy + (1 − m) · reference, nats.

    Example:
        >>> half, other = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.9, 0.1]]).log()
        >>> mixed_logp(half, torch.tensor([0]), other, 0.5).exp()
        tensor([0.7500])
    """
    assert reference is not None
    mixed = (mixture * log_probs + (1 - mixture) * reference).log_softmax(-1)
    return mixed.gather(-1, ids.unsqueeze(-1)).squeeze(-1)


class Selfie(Objective):
    """Selfie, later Spread Preference Annotation (Kim et al., 2024), eq. 9, as in its published code.

    loss = −(1 − ε) log σ(z) − ε log σ(−z),   z = β (Δ_chosen − Δ_rejected),   ε = a if z̃ ≤ τ, otherwise 0

    Δ = log π(y|x) − log π_ref(y|x), summed over tokens (nats). z̃ is the same margin under the mixture of logits
    m · policy + (1 − m) · reference, without gradient; m = 1, the published default, is the policy itself. τ is a
    running order statistic: of the means of z̃ over the last 50 batches, sorted, the average of numbers ⌊50 q⌋ and
    ⌊50 q⌋ + 1 (from 0), and 0 until there are 50. It is saved with checkpoints and changes only in training. During the
    first ``warm_up`` batches nothing is smoothed; the published code takes the first fifth of the steps. Statistics:
    ``kept``, ``threshold`` (τ), and with another m than 1 ``mixed_margin`` (z̃).

    Example:
        >>> equal = Scored(torch.full((1, 3), -1.0), torch.full((1, 3), -1.0), torch.ones(1, 3, dtype=torch.bool))
        >>> Selfie()(chosen=equal, rejected=equal).values
        tensor([0.6931])

    Reference:
        Kim, Lee, Kim, Shin, Kim (2024), Spread Preference Annotation: Direct Preference Judgment for Efficient LLM
        Alignment.
    """

    id = "selfie"
    paper = "arXiv:2406.04412"
    evidence = OFFICIAL_CODE
    tags = ("batch", "noise", "online", "self-play")
    needs = Needs(reference=True)
    batch_coupled = True

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward"] = 0.1
    strength: Annotated[float, Interval(ge=0, le=1), "a: label smoothing of a doubted pair; 0 is DPO"] = 0.1
    quantile: Annotated[float, Interval(ge=0, lt=0.98), "q: place of the threshold among the last 50 means"] = 0.1
    mixture: Annotated[float, Gt(0), "m: weight of the policy's logits in the detector; above 1 extrapolates"] = 1.0
    warm_up: Annotated[int, Ge(0), "batches before labels are smoothed"] = 0

    recent: Tensor
    seen: Tensor

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.register_buffer("recent", torch.zeros(REMEMBERED, dtype=torch.float64))
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))
        self.statistic = TokenStatistic(mixed_logp, (("mixture", self.mixture),), reference=True, constant=True)
        if self.mixture != 1:
            self.needs = Needs(reference=True, stats=frozenset({self.statistic}))

    @property
    def threshold(self) -> Tensor:
        """τ, a scalar."""
        if int(self.seen) < REMEMBERED:
            return torch.zeros_like(self.recent[0])
        place = int(REMEMBERED * self.quantile)
        return self.recent.sort().values[place : place + 2].mean()

    def loss(self, chosen: Scored, rejected: Scored) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per pair, [B], with z̃, whether the label is kept, and τ."""
        doubted = self.beta * (self._mixed(chosen) - self._mixed(rejected))
        threshold = self.threshold.to(doubted.dtype)
        smooths = int(self.seen) >= self.warm_up
        if self.training and len(doubted):
            self.recent[int(self.seen) % REMEMBERED] = doubted.double().mean()
            self.seen += 1
        kept = doubted > threshold
        flipped = torch.where(kept, 0.0, self.strength if smooths else 0.0).to(doubted.dtype)
        losses = logistic(self.beta * logratio_margin(chosen, rejected), flipped)
        seen = {"kept": kept.to(doubted.dtype), "threshold": threshold.expand_as(doubted)}
        if self.mixture != 1:
            seen["mixed_margin"] = doubted
        return losses, seen

    def _mixed(self, view: Scored) -> Tensor:
        """The log-ratio under the mixture, [B], without gradient."""
        if self.mixture == 1:
            return view.logratio.detach()
        return (view.stat(self.statistic).sum(-1) - view.ref_logp).detach()
