"""UNDIAL: distils from the initial model with the logits of the tokens to forget lowered."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from annotated_types import Ge
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Needs
from penchant.objectives.core.scored import Scored
from penchant.objectives.core.token_statistic import TokenStatistic
from penchant.objectives.functional.token_average import PositionAveraged, token_average

__all__ = ["UNDIAL", "undial_cross_entropy"]


def undial_cross_entropy(log_probs: Tensor, ids: Tensor, reference: Tensor | None, beta: float) -> Tensor:
    """Cross-entropy against the reference's distribution with the logit of the true token lowered by β, nats.

    Args:
        log_probs: [K, V] of the policy.
        ids: [K] the true tokens.
        reference: [K, V] log-probabilities of the reference; they differ from logits by a constant a row.
        beta: how much the logit is lowered.

    Returns:
        [K].

    Example:
        >>> half = torch.tensor([[0.5, 0.5]]).log()
        >>> round(undial_cross_entropy(half, torch.tensor([0]), half, beta=1.0).item(), 4)
        0.6931
    """
    assert reference is not None
    lowered = reference.scatter_add(-1, ids[:, None], reference.new_full((len(ids), 1), -beta))
    return -(torch.softmax(lowered, dim=-1) * log_probs).sum(-1)


class UNDIAL(PositionAveraged):
    """Unlearning by self-distillation on adjusted logits (Dong et al., 2024), as in open-unlearning.

    loss = −mean_t Σ_v q_t(v) log π(v|x, y_<t),   q_t = softmax(z_ref,t − β 1[v = y_t]),   nats per token

    z_ref are the logits of the initial model. The mean is over response tokens, or with ``positions=all`` over those of
    the prompts too; the published code counts all positions and padding.

    Example:
        >>> one = torch.full((1, 2), -1.0)
        >>> objective = UNDIAL()
        >>> view = Scored(one, one, one < 0, stats={str(objective.statistic): torch.tensor([[1.0, 2.0]])})
        >>> objective(forget=view).values
        tensor([1.5000])

    Reference:
        Dong, Lin, Belkin, Huerta, Vulić (2024), UNDIAL: Self-Distillation with Adjusted Logits for Robust Unlearning in
        Large Language Models.
    """

    id = "undial"
    paper = "arXiv:2402.10052"
    evidence = OFFICIAL_CODE
    view = "forget"

    beta: Annotated[float, Ge(0), "how much the logit of the token to forget is lowered"] = 10.0

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.statistic = TokenStatistic(undial_cross_entropy, (("beta", self.beta),), reference=True)
        self.needs = Needs(reference=True, stats=frozenset({self.statistic}))

    def loss(self, **views: Scored) -> Tensor:
        """The loss per example, [B], nats per token."""
        forget = self.scored(views)
        return token_average(forget, forget.stat(self.statistic), self.average)
