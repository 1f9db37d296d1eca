"""BCO: a classifier of liked and disliked responses whose logit is the implicit reward."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import logsigmoid

__all__ = ["BCO"]


class BCO(Objective):
    """Binary Classifier Optimization (Jung et al., 2024), as in its published code.

    loss = −log σ(r − δ) if desirable, −w log σ(δ − r) if not,   r = β (log π(y|x) − log π_ref(y|x))

    The shift δ carries no gradient. ``running-mean`` is the mean of all rewards of the training so far, both labels
    together, the current batch included; ``balanced`` is the mean of the two running means of the labels, as in the
    paper; ``none`` is 0. It follows training steps only and is saved with checkpoints; it couples the examples of a
    batch.

    Where liked and disliked prompts differ, ``prob_desirable`` is the probability that a prompt is of a liked record
    (`penchant data build density-ratio`); then w = p / (1 − p), clamped, for undesirable responses. Without the field w
    = 1.

    Example:
        >>> equal = Scored(torch.full((2, 1), -1.0), torch.full((2, 1), -1.0), torch.ones(2, 1, dtype=torch.bool))
        >>> BCO()(responses=equal, label=torch.tensor([1.0, 0.0])).values
        tensor([0.6931, 0.6931])

    Reference:
        Jung, Han, Nam, On (2024), Binary Classifier Optimization for Large Language Model Alignment.
    """

    id = "bco"
    paper = "arXiv:2404.04656"
    evidence = OFFICIAL_CODE
    tags = ("batch",)
    exempt = Exempt(value_gradient="the shift follows the rewards without gradient")
    needs = Needs(reference=True)

    beta: Annotated[float, Gt(0), "inverse temperature of the implied reward"] = 0.1
    shift: Annotated[Literal["running-mean", "balanced", "none"], "the shift δ of rewards"] = "running-mean"
    min_density_ratio: Annotated[float, Gt(0), "smallest weight w of an undesirable response"] = 0.5
    max_density_ratio: Annotated[float, Gt(0), "largest weight w of an undesirable response"] = 10.0

    #: Sums and numbers of the rewards so far: of undesirable and of desirable responses.
    totals: Tensor
    counts: Tensor

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.batch_coupled = self.shift != "none"
        self.register_buffer("totals", torch.zeros(2, dtype=torch.float64))
        self.register_buffer("counts", torch.zeros(2, dtype=torch.float64))

    def loss(
        self, responses: Scored, label: Tensor, prob_desirable: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per response, [B], with the ``shift``, and the ``weight`` of each response."""
        reward, liked = self.beta * responses.logratio, label > 0.5
        if self.training:
            self._follow(reward.detach(), liked)
        shift = self._shift().to(reward.dtype)
        weight = torch.where(liked, 1.0, self._density_ratio(prob_desirable, reward))
        values = -weight * logsigmoid(torch.where(liked, reward - shift, shift - reward))
        return values, {"shift": shift.expand_as(values), "weight": weight}

    def _follow(self, reward: Tensor, liked: Tensor) -> None:
        """Add the rewards of a batch to the running sums."""
        for place, own in enumerate((~liked, liked)):
            self.totals[place] += reward[own].double().sum()
            self.counts[place] += own.sum()

    def _shift(self) -> Tensor:
        if self.shift == "running-mean":
            return self.totals.sum() / self.counts.sum().clamp(min=1)
        if self.shift == "balanced":
            seen = self.counts > 0  # a label that has not occurred has no mean
            means = self.totals / self.counts.clamp(min=1)
            return torch.where(seen, means, 0.0).sum() / seen.sum().clamp(min=1)
        return torch.zeros((), dtype=torch.float64, device=self.totals.device)

    def _density_ratio(self, probability: Tensor | None, like: Tensor) -> Tensor:
        if probability is None:
            return torch.ones_like(like)
        ratio = probability / (1 - probability + 1e-8)
        return ratio.clamp(self.min_density_ratio, self.max_density_ratio).to(like.dtype)
