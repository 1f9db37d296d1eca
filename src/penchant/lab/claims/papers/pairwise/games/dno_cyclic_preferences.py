"""DNO on cyclic preferences."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Rounds, exploitability, run_rounds
from penchant.objectives import build

__all__ = ["WinRatesInsteadOfLabels"]


class WinRatesInsteadOfLabels(Claim):
    """DNO and iterative DPO, which is DNO with hard labels, with exact expectations."""

    id = "dno-cyclic-preferences"
    paper = "arXiv:2404.03715"
    sentence = (
        "With partly cyclic preferences, the last iterate of DNO is closer to the Nash equilibrium than that of "
        "iterative DPO at the same β, and than the reference."
    )
    methods = ("dno",)
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=5, cycles=0.7)
    quantity = "exploitability: win rate of the best response minus one half (lower is closer)"
    contrasts = (Contrast("dpo", "dno", smallest=0.02), Contrast("reference", "dno", smallest=0.01))

    def measure(self, seed: int) -> Mapping[str, float]:
        """Thirty rounds against the last policy; β = η = 1, chosen on a few tuning seeds."""
        world = self.draw_world(seed)
        plan = Rounds("exact", rounds=30, reference="previous", steps=20, learning_rate=0.2)
        found = {
            name: exploitability(world, run_rounds(world, build(name, **own), plan, seed=seed)[-1])
            for name, own in (("dpo", {"beta": 1.0}), ("dno", {"eta": 1.0}))
        }
        return {"reference": exploitability(world, world.reference), **found}
