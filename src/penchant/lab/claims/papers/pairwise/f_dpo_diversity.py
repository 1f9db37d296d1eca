"""Entropy of f-DPO policies at equal reward."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials
from penchant.lab.worlds.tabular.divergences import at_equal_reward

__all__ = ["MoreDiverseAtEqualReward"]


class MoreDiverseAtEqualReward(Claim):
    """Jensen–Shannon divergence and forward KL against reverse KL at the same reward."""

    id = "f-dpo-diversity"
    paper = "arXiv:2309.16240"
    sentence = (
        "At equal true reward, f-DPO policies with the Jensen–Shannon divergence and with the forward KL have a higher "
        "entropy than that of the reverse KL (DPO)."
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
        "From a uniform reference, the reverse KL has the highest entropy at each reward, so no divergence can win; "
        "from an uneven reference, as here, the differences are small. The effect of f-DPO is on coverage "
        "(f-dpo-mass-covering)."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """All pairs with their true probabilities, so that only the divergence matters."""
        return {arm: _entropy(policy) for arm, policy in at_equal_reward(self.draw_world(seed)).items()}


def _entropy(policy: Tensor) -> float:
    return float(-(policy.exp() * policy).sum(-1).mean())
