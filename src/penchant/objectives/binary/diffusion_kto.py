"""Diffusion-KTO: alignment of denoisers with single images labelled as liked or disliked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.denoising_errors import HALF
from penchant.objectives.functional.numerics import logsigmoid

__all__ = ["DiffusionKTO"]


class DiffusionKTO(Objective):
    """Diffusion-KTO (Li, Kallidromitis, Gokul, Kato, Kozuka, 2024), as in its published code.

    loss = w (1 − U(y β (g − Q))),   g = R − L = (log π − log π_ref) / h,   y = 1 if liked, −1 if not

    L and R are the denoising errors of policy and reference, so β is that of the paper. The reference point Q carries
    no gradient: it is the mean of g over the batch, at least 0 (``offset="none"``), or the average of the means over
    liked and over disliked samples (``"sigmoid"``). The utility U is σ(s) (``"sigmoid"``), log σ(s)
    (``"loss_averse"``), −y log σ(−y s) (``"risk_seeking_1"``), y exp(y s / 100) − 1 (``"risk_seeking_2"``), or −log
    σ(−s) (``"risk_seeking_3"``). Each process uses the mean over its own part of the batch. The offset that scores
    prompts of other examples is not implemented.

    Example:
        >>> import torch
        >>> equal = Scored(torch.full((1, 1), -1.0), torch.full((1, 1), -1.0), torch.ones(1, 1, dtype=torch.bool))
        >>> DiffusionKTO()(responses=equal, label=torch.tensor([1.0])).values
        tensor([0.5000])

    Reference:
        Li, Kallidromitis, Gokul, Kato, Kozuka (2024), Aligning Diffusion Models by Optimizing Human Utility.
    """

    id = "diffusion-kto"
    paper = "arXiv:2404.04465"
    evidence = OFFICIAL_CODE
    tags = ("diffusion", "batch")
    needs = Needs(reference=True)
    batch_coupled = True

    beta: Annotated[float, Gt(0), "slope of the utility, per unit of denoising error"] = 1000.0
    lambda_desirable: Annotated[float, Ge(0), "weight of liked samples"] = 1.0
    lambda_undesirable: Annotated[float, Ge(0), "weight of disliked samples"] = 1.0
    utility: Annotated[
        Literal["sigmoid", "loss_averse", "risk_seeking_1", "risk_seeking_2", "risk_seeking_3"], "form of the utility"
    ] = "sigmoid"
    offset: Annotated[Literal["none", "sigmoid"], "how the reference point is computed"] = "none"
    half_factor: Annotated[float, Gt(0), "factor h between error and log-likelihood, as in denoising.half_factor"] = (
        HALF
    )

    def loss(self, responses: Scored, label: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss per sample, [B], with the ``reference_point`` of the batch."""
        gain = responses.logratio / self.half_factor
        liked = label > 0.5
        point = self._reference_point(gain.detach(), liked)
        one = gain.new_ones(())
        weight = torch.where(liked, self.lambda_desirable * one, self.lambda_undesirable * one)
        values = weight * (1 - self._utility(self.beta * (gain - point), torch.where(liked, one, -one)))
        return values, {"reference_point": point.expand(len(gain))}

    def rewards(self, view: Scored) -> Tensor:
        """The implicit reward β g of each sample, [R], without gradient."""
        return (self.beta / self.half_factor * view.logratio).detach()

    def _reference_point(self, gain: Tensor, liked: Tensor) -> Tensor:
        if self.offset == "none":
            return gain.sum().div(max(len(gain), 1)).clamp(min=0)
        sides = (torch.where(side, gain, 0.0).sum() / (side.sum() + 1e-6) for side in (liked, ~liked))
        return sum(sides, gain.new_zeros(())) / 2

    def _utility(self, strength: Tensor, sign: Tensor) -> Tensor:
        """The utility of ``strength`` = β (g − Q), given ``sign`` = y."""
        if self.utility == "sigmoid":
            return torch.sigmoid(sign * strength)
        if self.utility == "loss_averse":
            return logsigmoid(sign * strength)
        if self.utility == "risk_seeking_1":
            return -sign * logsigmoid(-strength)
        if self.utility == "risk_seeking_2":
            return sign * torch.exp(strength / 100) - 1
        return -logsigmoid(-sign * strength)
