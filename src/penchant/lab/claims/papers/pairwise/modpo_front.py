"""MODPO trades two rewards."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Rows, fit, sample_pairs
from penchant.objectives import build

__all__ = ["TracesTheFront"]


class TracesTheFront(Claim):
    """Pairs by a first reward, and the values of a second one, which is independent of it."""

    id = "modpo-front"
    paper = "arXiv:2310.03708"
    sentence = (
        "Trained on the pairs of one objective with the rewards of another as margins, MODPO moves along the front as "
        "its weights do: more of the second reward with more weight on it, and a higher weighted sum than DPO's."
    )
    methods = ("modpo",)
    baselines = ("dpo",)
    world = Dials(prompts=6, responses=8, pairs=800, concentration=0.0)
    quantity = "mean reward under the policy: the second one, or the sum with equal weights"
    contrasts = (
        Contrast("second reward, weight ½", "second reward, weight 0.1", smallest=0.1),
        Contrast("sum, weight ½", "sum, dpo", smallest=0.1),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = ½, 300 steps."""
        world = self.draw_world(seed)
        generator = torch.Generator().manual_seed(seed + 500)
        second = torch.randn(world.reward.shape, generator=generator, dtype=torch.float64)
        pairs = sample_pairs(world, seed)
        margins = {}
        for side in ("chosen", "rejected"):
            rows = pairs.views[side]
            assert isinstance(rows, Rows)
            margins[f"{side}_margin_rewards"] = second[rows.prompt, rows.response].unsqueeze(1)
        pairs = pairs.with_fields(**margins)
        arms = {
            "weight ½": build("modpo", beta=0.5, weights=[0.5, 0.5]),
            "weight 0.1": build("modpo", beta=0.5, weights=[0.9, 0.1]),
            "dpo": build("dpo", beta=0.5),
        }
        found = {}
        for name, objective in arms.items():
            policy = fit(world, objective, pairs, steps=300)().detach().exp()
            of_second = float((policy * second).sum(-1).mean())
            found[f"second reward, {name}"] = of_second
            found[f"sum, {name}"] = 0.5 * of_second + 0.5 * float((policy * world.reward).sum(-1).mean())
        return found
