"""GPO reaches the policy that its objective asks for."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, fit, sample_pairs
from penchant.objectives import build

__all__ = ["ClosedForm"]


class ClosedForm(Claim):
    """One round on sampled pairs; the scores of responses are their true rewards."""

    id = "gpo-closed-form"
    paper = "arXiv:2410.02197"
    sentence = (
        "One round of GPO on sampled pairs with scores ends near the reference tilted by the scores over β, the "
        "optimum of its objective; DPO with the same β on the same pairs ends further away."
    )
    methods = ("gpo",)
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=6, pairs=400, concentration=0.0)
    quantity = "KL(policy || reference · exp(score / β)), nats, mean over prompts (lower is nearer)"
    contrasts = (Contrast("dpo", "gpo", smallest=0.05),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = 1, 400 steps."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        optimum = (world.reference + world.reward).log_softmax(-1)
        found = {}
        for name in ("gpo", "dpo"):
            policy = fit(world, build(name, beta=1.0), pairs, steps=400)().detach()
            found[name] = float((policy.exp() * (policy - optimum)).sum(-1).mean())
        return found
