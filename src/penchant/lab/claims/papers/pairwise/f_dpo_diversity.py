"""Divergences at equal reward: how diverse the policies are."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials
from penchant.lab.worlds.tabular.divergences import at_equal_reward

__all__ = ["MoreDiverseAtEqualReward"]


class MoreDiverseAtEqualReward(Claim):
    """The Jensen–Shannon divergence and the forward KL against the reverse KL at the same reward."""

    id = "f-dpo-diversity"
    paper = "arXiv:2309.16240"
    sentence = (
        "At equal true reward, the policies of f-DPO with the Jensen–Shannon divergence and the forward KL have more "
        "entropy than that of the reverse KL, which is DPO's."
    )
    methods = ("f-dpo",)
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=8, concentration=0.0)
    quantity = "entropy, nats"
    contrasts = (
        Contrast("js", "reverse KL at the reward of js", smallest=0.05),
        Contrast("forward KL", "reverse KL at the reward of forward KL", smallest=0.05),
    )
    remark = (
        "From a uniform reference the policy of the reverse KL has the largest entropy of all with its reward, so that "
        "no divergence can win; from an uneven one, as here, the differences are small. What f-DPO does is to cover "
        "more (f-dpo-mass-covering)."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """All pairs with their true probabilities, so that only the divergence matters."""
        return {arm: _entropy(policy) for arm, policy in at_equal_reward(self.draw_world(seed)).items()}


def _entropy(policy: Tensor) -> float:
    return float(-(policy.exp() * policy).sum(-1).mean())
