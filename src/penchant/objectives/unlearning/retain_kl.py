"""The retain term of unlearning: the divergence of the policy from the reference on records to keep."""

from __future__ import annotations

from torch import Tensor

from penchant.objectives.core.evidence import PAPER
from penchant.objectives.core.objective import Needs
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.token_average import PositionAveraged, token_average

__all__ = ["RetainKL"]


class RetainKL(PositionAveraged):
    """KL divergence from the initial model on the records to keep, added to a forget loss: ``npo + retain-kl``.

    loss = mean_t Σ_v π_ref(v|x, y_<t) [log π_ref(v|x, y_<t) − log π(v|x, y_<t)],   nats per token

    The mean is over response tokens, or with ``positions=all`` over those of the prompts too, which holds the prompts
    as well. The published code counts all positions and padding, so its value is smaller by the share of padding.

    Example:
        >>> import torch
        >>> one = torch.full((1, 2), -1.0)
        >>> same = Scored(one, one, one < 0, stats={"reference_kl": torch.tensor([[0.1, 0.3]])})
        >>> RetainKL()(retain=same).values
        tensor([0.2000])

    Reference:
        Maini, Feng, Schwarzschild, Lipton, Kolter (2024), TOFU: A Task of Fictitious Unlearning for LLMs; Zhang, Lin,
        Bai, Mei (2024), Negative Preference Optimization.
    """

    id = "retain-kl"
    paper = "arXiv:2404.05868"
    evidence = PAPER
    view = "retain"
    needs = Needs(reference=True, stats=frozenset({"reference_kl"}), stats_of=frozenset({"retain"}))

    def loss(self, **views: Scored) -> Tensor:
        """The loss per example, [B], nats per token."""
        retain = self.scored(views)
        return token_average(retain, retain.stat("reference_kl"), self.average)
