"""Mass covering of f-DPO policies at equal reward."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials
from penchant.lab.worlds.tabular.divergences import at_equal_reward

__all__ = ["CoversMoreAtEqualReward"]


class CoversMoreAtEqualReward(Claim):
    """The lowest log-ratio among the responses to a prompt, at equal reward."""

    id = "f-dpo-mass-covering"
    paper = "arXiv:2309.16240"
    sentence = (
        "At equal true reward, f-DPO with the Jensen–Shannon divergence or the forward KL covers more: its lowest "
        "log-ratio to the reference is higher than with the reverse KL."
    )
    methods = ("f-dpo",)
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=8, concentration=0.0)
    quantity = "lowest log-ratio among the responses to a prompt, averaged over prompts, nats"
    contrasts = (
        Contrast("js", "reverse KL at the reward of js", smallest=1.0),
        Contrast("forward KL", "reverse KL at the reward of forward KL", smallest=1.0),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """All pairs with their true probabilities, so that only the divergence matters."""
        world = self.draw_world(seed)
        policies = at_equal_reward(world).items()
        return {arm: float((policy - world.reference).min(-1).values.mean()) for arm, policy in policies}
