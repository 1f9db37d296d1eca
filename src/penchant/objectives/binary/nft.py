"""NFT: learns from right and wrong answers with one model and its implicit negative."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.numerics import masked_sum

__all__ = ["NFT", "clamped_through"]

#: Log-ratios above are cut, as in the published code.
LARGEST = 10.0


def clamped_through(values: Tensor, smallest: float) -> Tensor:
    """Values clamped from below, with the gradient of the unclamped values.

    Example:
        >>> clamped_through(torch.tensor([0.5, 2.0]), 1.0)
        tensor([1., 2.])
    """
    return values + (values.clamp(min=smallest) - values).detach()


class NFT(Objective):
    """Negative-aware Fine-Tuning (Chen et al., 2025), as in its published code.

    loss = ω Σ_t ℓ_t / c,   ℓ_t = −log R_t if right, −n log max(ε, (1 − ρ R_t)/(1 − ρ)) if wrong,   R = π / π_old

    ρ is the share of right answers to the prompt, in [0.02, 0.98], and ω its weight: 1 − ρ (``normalize=1``), √((1 −
    ρ)/ρ) (2) or 1 (0). The clamp at ε changes the value and not the gradient, so wrong answers that became likelier are
    pushed back. The tokens of an answer are summed and divided by the constant ``token_normalizer``, or averaged
    (``mean``). ``ratio_type=sequence`` has one ratio an answer, without the constant. At π = π_old and normalize 2 the
    gradient is that of GRPO.

    Example:
        >>> one = torch.full((2, 1), -1.0)
        >>> both = Scored(one, None, one < 0)
        >>> given = {"label": torch.tensor([1.0, 0.0]), "old_policy": one, "correct_rate": torch.tensor([0.5, 0.5])}
        >>> NFT()(responses=both, **given).values.abs()
        tensor([0., 0.])

    Reference:
        Chen, Zheng, Zhang, Cui, Cui, Ye, Lin, Liu, Zhu, Wang (2025), Bridging Supervised Learning and Reinforcement
        Learning in Math Reasoning.
    """

    id = "nft"
    paper = "arXiv:2505.18116"
    evidence = OFFICIAL_CODE
    tags = ("online",)

    ratio_type: Annotated[Literal["token", "sequence"], "one ratio a token, or one an answer"] = "token"
    normalize: Annotated[Literal[0, 1, 2], "how prompts are weighted by their share of right answers"] = 1
    neg_weight: Annotated[float, Ge(0), "weight n of wrong answers; 0 is rejection-sampling fine-tuning"] = 1.0
    clamp_negative: Annotated[float, Gt(0), "smallest ratio ε of the implicit negative policy"] = 1.0
    clamp_positive: Annotated[float, Ge(0), "smallest ratio of a right answer"] = 0.0
    token_normalizer: Annotated[float, Gt(0), "constant c that sums over tokens are divided by"] = 1000.0
    mean: Annotated[bool, "average over the tokens of an answer instead"] = False

    def loss(
        self, responses: Scored, label: Tensor, old_policy: Tensor, correct_rate: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss per answer, [B]."""
        policy = torch.where(responses.mask, responses.policy, 0.0)
        gap = policy - torch.where(responses.mask, old_policy.to(policy.dtype), 0.0)
        rate = correct_rate.clamp(0.02, 0.98).to(policy.dtype)
        if self.ratio_type == "sequence":
            values = self._terms(gap.sum(-1), label > 0.5, rate)
            return values * self._weight(rate), {}
        rate_of = rate.unsqueeze(-1)
        terms = self._terms(gap, (label > 0.5).unsqueeze(-1), rate_of) * self._weight(rate_of)
        total = masked_sum(terms, responses.mask)
        return total / (responses.length.clamp(min=1) if self.mean else self.token_normalizer), {}

    def _terms(self, gap: Tensor, right: Tensor, rate: Tensor) -> Tensor:
        """ℓ of each token or answer."""
        ratio = gap.clamp(max=LARGEST).exp()
        good = -clamped_through(ratio, max(self.clamp_positive, torch.finfo(ratio.dtype).tiny)).log()
        bad = -self.neg_weight * clamped_through((1 - rate * ratio) / (1 - rate), self.clamp_negative).log()
        return torch.where(right, good, bad)

    def _weight(self, rate: Tensor) -> Tensor:
        if self.normalize == 1:
            return 1 - rate
        return ((1 - rate) / rate).sqrt() if self.normalize == 2 else torch.ones_like(rate)
