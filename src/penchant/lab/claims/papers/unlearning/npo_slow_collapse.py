"""NPO and the speed of collapse."""

from __future__ import annotations

import math
from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.memory import draw_facts, train_memory
from penchant.objectives import build

__all__ = ["SlowCollapse"]

#: The last step.
LAST = 3000


class SlowCollapse(Claim):
    """NPO and gradient ascent, which has the same gradient at the start, for a long time."""

    id = "npo-slow-collapse"
    paper = "arXiv:2404.05868"
    sentence = (
        "The NLL of forgotten answers grows linearly with the steps of gradient ascent, and only logarithmically "
        "with those of NPO, so NPO collapses exponentially slower."
    )
    methods = ("npo", "gradient-ascent")
    world = "twelve random facts in a network of one hidden layer, six of them to forget"
    quantity = "slope of log NLL over log steps in the last decade; 1 is linear growth, near 0 is logarithmic"
    contrasts = (
        Contrast("gradient ascent", "npo", smallest=0.4),
        Contrast("gradient ascent", 0.6, smallest=0.1),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Plain gradient descent at β = 1, from 300 to 3,000 steps; the slope compares the two ends."""
        facts = draw_facts(seed)
        arms = {}
        for name, objective in {"gradient ascent": build("gradient-ascent"), "npo": build("npo", beta=1.0)}.items():
            trace = train_memory(facts.memory, objective, facts.view, steps=LAST, learning_rate=2.0, optimizer="sgd")
            nll = -trace.of(facts.view["forget"]).mean(-1)
            arms[name] = math.log10(float(nll[LAST] / nll[LAST // 10]))
        return arms
