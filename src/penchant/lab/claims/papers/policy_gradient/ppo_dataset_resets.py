"""PPO whose samples begin with parts of demonstrations: dataset reset."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.chains import Plan, build_chains, learn
from penchant.objectives import build

__all__ = ["ResetsReachTheEnd"]


class ResetsReachTheEnd(Claim):
    """PPO from the start of a response, and with seven of ten samples from within the right response (DR-PO)."""

    id = "ppo-dataset-resets"
    paper = "arXiv:2404.08495"
    sentence = (
        "Where six steps must all be right and a response of the reference succeeds in fewer than one of a hundred "
        "cases, PPO whose samples begin with a part of the right response succeeds more often from the start than PPO "
        "from the same reference, at equal samples."
    )
    methods = ("ppo",)
    world = "chains of six steps with four choices; four prompts, one right response each"
    quantity = "probability that a response is right as a whole"
    contrasts = (Contrast("resets", "from the start", smallest=0.2),)
    remark = (
        "With resets for every sample the first step is never the policy's own, and is not learned; the share of "
        "0.7 is that of the tuning seeds."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """40 rounds of 16 samples for each prompt, three steps each."""
        world = build_chains(seed, length=6)
        shares = {"resets": 0.7, "from the start": 0.0}
        found = {"reference": world.success(world.reference)}
        for arm, share in shares.items():
            plan = Plan(roll_in=share, learning_rate=0.1, steps=3)
            found[arm] = world.success(learn(world, build("ppo"), plan, seed)[-1])
        return found
