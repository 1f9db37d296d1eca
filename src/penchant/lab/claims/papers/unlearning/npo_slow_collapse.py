"""NPO and the speed of collapse."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Examples, Policy, Rows, fit, log_probabilities
from penchant.objectives import build

__all__ = ["SlowCollapse"]

#: The last step.
LAST = 1000


class SlowCollapse(Claim):
    """NPO and gradient ascent, which has the same gradient at the start, long after the answers are forgotten."""

    id = "npo-slow-collapse"
    paper = "arXiv:2404.05868"
    sentence = (
        "In a softmax policy that has learned one answer to each of eight prompts, the NLL of the forgotten answers "
        "grows linearly with the steps of gradient ascent and logarithmically with those of NPO: NPO collapses "
        "exponentially slower."
    )
    methods = ("npo", "gradient-ascent")
    world = Dials(prompts=8, responses=6)
    quantity = "slope of log NLL over log steps in the last decade of steps; 1 is linear growth"
    contrasts = (
        Contrast("gradient ascent", "npo", smallest=0.4),
        Contrast("gradient ascent", 0.6, smallest=0.1),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Plain gradient descent at β = 1; the slope compares step 100 with step 1,000."""
        world = self.draw_world(seed)
        generator = torch.Generator().manual_seed(seed)
        answers = torch.randint(world.dials.responses, (world.dials.prompts,), generator=generator)
        facts = Rows(torch.arange(world.dials.prompts), answers)
        known = fit(world, "nll", Examples({"chosen": facts}), steps=25)
        arms: dict[str, float] = {}
        for name, objective in {"gradient ascent": build("gradient-ascent"), "npo": build("npo", beta=1.0)}.items():
            nll: list[float] = []

            def watch(_step: int, policy: Policy, _loss: float, nll: list[float] = nll) -> None:
                nll.append(-float(log_probabilities(policy)[facts.prompt, facts.response].mean()))

            forget = Examples({"forget": facts})
            settings = {"policy": known, "reference": known, "watch": watch, "optimizer": "sgd"}
            fit(world, objective, forget, steps=LAST + 1, learning_rate=16.0, **settings)  # type: ignore[arg-type]
            arms[name] = math.log10(nll[LAST] / nll[LAST // 10])
        return arms
