"""Bargaining of three groups against the largest total."""

from __future__ import annotations

import random
from collections.abc import Mapping

from penchant.evaluation.bargaining import best_by_rule, negotiate
from penchant.lab.claims import Claim, Contrast

__all__ = ["WorstGroupGains"]


class WorstGroupGains(Claim):
    """Two base designs and seven additions with random utilities and costs, by a greedy negotiation, our reading."""

    id = "negotiative-alignment-worst-group"
    sentence = (
        "Bargaining over additions leaves the worst-off of three groups better off than the package with the largest "
        "total does, at 0.95 of that total or more."
    )
    measures = ("negotiative-alignment",)
    world = "200 instances: utilities of bases in [3, 8], of additions in [0, 2], costs in [1, 3], a budget of 8"
    quantity = "mean utility of the worst-off group, or mean share of the largest total"
    contrasts = (
        Contrast("worst group, bargaining", "worst group, utilitarian", smallest=0.05),
        Contrast("share of total", "0.95", smallest=0.001),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """200 instances."""
        rng = random.Random(seed)
        worst, most, share = 0.0, 0.0, 0.0
        for _instance in range(200):
            bases = [[rng.uniform(3, 8) for _group in range(3)] for _base in range(2)]
            features = [[rng.uniform(0, 2) for _group in range(3)] for _each in range(7)]
            costs = [rng.uniform(1, 3) for _each in features]
            own = negotiate(bases, features, costs, 8.0).utilities
            total = best_by_rule("utilitarian", bases, features, costs, 8.0).utilities
            worst, most, share = worst + min(own), most + min(total), share + sum(own) / sum(total)
        found = {"worst group, bargaining": worst, "worst group, utilitarian": most, "share of total": share}
        return {**{name: value / 200 for name, value in found.items()}, "0.95": 0.95}
