"""BCO's density ratio where liked and disliked responses answer different prompts."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.claims.papers.binary.bco_shift_prompts import reward_of_liked_prompts
from penchant.lab.worlds.tabular import Dials, Examples, divided_judgements, fit_each
from penchant.objectives import build

__all__ = ["DensityRatios"]


class DensityRatios(Claim):
    """BCO with and without the density ratio of the prompts, and KTO."""

    id = "bco-density-ratio"
    paper = "arXiv:2404.04656"
    sentence = (
        "Where liked and disliked responses answer prompts that hardly overlap (one label in twenty is on the other "
        "side), BCO with the density ratio of the prompts reaches a higher true reward on the liked prompts than BCO "
        "without it."
    )
    methods = ("bco",)
    baselines = ("kto",)
    world = Dials(features=16)
    quantity = "expected true reward on the liked half of the prompts, in standard deviations of the reward"
    contrasts = (Contrast("density ratio", "bco", smallest=0.15), Contrast("density ratio", "kto", smallest=0.15))
    seeds = range(20, 50)
    remark = (
        "The policy is log-linear, so what it learns about one prompt changes the others. The first ten seeds were too "
        "few (0.158, interval -0.014 to 0.330, against BCO), so thirty further seeds judge."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """400 judgements, β = 0.1, 60 steps, prompts ± 3 logits apart."""
        world = self.draw_world(seed)
        weighted = divided_judgements(world, seed, divide=3.0)
        plain = Examples(weighted.views, {"label": weighted.fields["label"]})
        examples = {"density ratio": weighted, "bco": plain, "kto": plain}
        methods = {"density ratio": build("bco"), "bco": build("bco"), "kto": build("kto")}
        fitted = fit_each(world, methods, examples, steps=60)
        return {arm: reward_of_liked_prompts(world, policy) for arm, policy in fitted.items()}
