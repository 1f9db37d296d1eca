"""Nash-MD: policy gradient on win rates against a mixture of policy and reference."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge
from torch import Tensor

from penchant.objectives.core.evidence import INDEPENDENT_CODE
from penchant.objectives.core.laws import Exempt
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.groups import group_mean
from penchant.objectives.functional.numerics import masked_sum

__all__ = ["NashMD"]


class NashMD(Objective):
    """Nash Mirror Descent by policy gradient, Nash-MD-PG (Munos et al., 2023), section 7.

    loss = mean over the prompt's responses of −(A − β Δ) log π(y|x),   A = P(y ≻ y') − ½,   Δ = log π − log π_ref

    Δ is summed, in nats; y is a sample of the policy and y' one of the mixture π^{1−m} π_ref^m, normalised token by
    token (``opponent: {name: mixture}`` of online runs). A and Δ carry no gradient, so in expectation the gradient is
    that of β KL(π ‖ π_ref) − P(π ≻ y'). The ½ changes the variance alone. ``kl_credit`` says what Δ weighs: the sum
    over the whole response, the unbiased estimate, or ``token``, where each token's log-probability is weighted by its
    own log-ratio, as TRL does, which leaves out what a token does to later ones. Statistics: ``score`` (mean of A log
    π) and ``kl`` (mean of Δ).

    Example:
        >>> import torch
        >>> view = Scored(torch.full((1, 2), -1.0), torch.full((1, 2), -1.0), torch.ones(1, 2, dtype=torch.bool))
        >>> NashMD()(responses=view, advantage=torch.tensor([0.25])).values
        tensor([0.5000])

    Reference:
        Munos et al. (2023), Nash Learning from Human Feedback.
    """

    id = "nash-md"
    paper = "arXiv:2312.00886"
    evidence = INDEPENDENT_CODE
    tags = ("online", "self-play")
    exempt = Exempt(value_gradient="the log-ratio of a sample is a weight without gradient")
    needs = Needs(reference=True)

    beta: Annotated[float, Ge(0), "weight of the divergence from the reference, in win rate per nat"] = 0.1
    kl_credit: Annotated[
        Literal["sequence", "token"], "what weighs a token: the log-ratio of its response, or its own (TRL)"
    ] = "sequence"

    def loss(self, responses: Scored, advantage: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per prompt, [B]; ``advantage`` is [R], the win rate less one half."""
        if self.kl_credit == "token":
            weighed = masked_sum(responses.token_logratio.detach() * responses.policy, responses.mask)
        else:
            weighed = responses.logratio.detach() * responses.logp
        score = advantage * responses.logp
        seen = {"score": score, "kl": responses.logratio}
        mean = group_mean(self.beta * weighed - score, responses.group)
        return mean, {name: group_mean(each, responses.group) for name, each in seen.items()}
