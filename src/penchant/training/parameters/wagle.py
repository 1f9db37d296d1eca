"""WAGLE, which moves the weights that matter for forgetting and not for what is kept, and its baselines."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.training.parameters.attribution import attribution
from penchant.training.parameters.masked import Masked
from penchant.training.parameters.sets import gradients, has_role
from penchant.training.parameters.strategy import Start

__all__ = ["SNIP", "WAGLE", "ForgetGradient", "Magnitude", "OfForget", "RandomMask"]


class WAGLE(Masked):
    """Weight attribution for unlearning (Jia et al., 2024): |(θ − g_R / μ) g_F| at the start of training.

    g_F and g_R are sums over batches of gradients of the mean NLL of what is to be forgotten (for objectives with
    refusals: of the refusals) and of what is to be kept. Both sets are read once. The mask is computed once.

    Reference:
        Jia et al. (2024), WAGLE: Strategic Weight Attribution for Effective and Modular Unlearning, arXiv:2410.17509.
    """

    id = "wagle"

    mu: Annotated[float, Gt(0), "curvature μ of the retain loss; a large value gives |θ g_F|"] = 1e-6

    def check(self, start: Start) -> None:
        """See `Strategy.check`."""
        super().check(start)
        has_role(start, "forget")
        has_role(start, "retain")

    def scores(self, start: Start) -> dict[str, Tensor]:
        """See `Masked.scores`; one tensor at a time, so that three tensors a weight are the peak."""
        forget, retain = gradients(start, "forget"), gradients(start, "retain")
        weights = dict(start.model.named_parameters())
        with torch.no_grad():
            return {
                name: attribution(weights[name], forget.pop(name), retain.pop(name), self.mu) for name in list(forget)
            }


class OfForget(Masked):
    """A mask whose scores are read off what is to be forgotten."""

    def check(self, start: Start) -> None:
        """See `Strategy.check`."""
        super().check(start)
        has_role(start, "forget")


class SNIP(OfForget):
    """|θ g_F|: WAGLE without the retain set (Lee et al., 2018, arXiv:1810.02340)."""

    id = "snip"

    def scores(self, start: Start) -> dict[str, Tensor]:
        """See `Masked.scores`."""
        weights = dict(start.model.named_parameters())
        return {name: (weights[name].detach() * each).abs() for name, each in gradients(start, "forget").items()}


class ForgetGradient(OfForget):
    """|g_F|: the weights on which what is to be forgotten depends most."""

    id = "forget-gradient"

    def scores(self, start: Start) -> dict[str, Tensor]:
        """See `Masked.scores`."""
        return {name: each.abs() for name, each in gradients(start, "forget").items()}


class Magnitude(Masked):
    """|θ|: the largest weights."""

    id = "magnitude"

    def scores(self, start: Start) -> dict[str, Tensor]:
        """See `Masked.scores`."""
        return {name: each.detach().abs() for name, each in start.model.named_parameters() if each.requires_grad}


class RandomMask(Masked):
    """Weights drawn at random, from the run's seed."""

    id = "random"

    def scores(self, start: Start) -> dict[str, Tensor]:
        """See `Masked.scores`."""
        drawn = torch.Generator().manual_seed(start.seed)
        named = {name: each for name, each in start.model.named_parameters() if each.requires_grad}
        return {name: torch.rand(each.shape, generator=drawn).to(each.device) for name, each in named.items()}
