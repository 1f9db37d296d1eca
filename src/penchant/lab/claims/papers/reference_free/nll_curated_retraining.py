"""Retraining on curated samples: what people keep of the model's own responses."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials
from penchant.lab.worlds.tabular.curation import curated, diversity, exponential_reward

__all__ = ["RaisesWhatPeopleLike"]

ROUNDS = 5


class RaisesWhatPeopleLike(Claim):
    """Maximum likelihood on the one of K samples that a Bradley-Terry choice keeps, in the limit of many samples."""

    id = "nll-curated-retraining"
    paper = "arXiv:2407.09499"
    sentence = (
        "Retraining on the choice among four own samples raises E[exp r] in every one of five rounds, and lowers the "
        "diversity; with a share of real data the diversity falls less."
    )
    methods = ("nll",)
    world = Dials(prompts=8, responses=8)
    quantity = "smallest gain of E[exp r] in a round; and effective number of responses after five rounds, in tens"
    contrasts = (
        Contrast("smallest gain", "no gain", smallest=0.001),
        Contrast("diversity at the start", "diversity after curation", smallest=0.05),
        Contrast("diversity with real data", "diversity after curation", smallest=0.05),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The exact update of the population; real data have half of the weight where there are any."""
        world = self.draw_world(seed)
        visited, held = [world.reference], [world.reference]
        for _ in range(ROUNDS):
            visited.append(curated(visited[-1], world.reward, choices=4))
            held.append(curated(held[-1], world.reward, choices=4, real=world.reference, share=0.5))
        values = [exponential_reward(each, world.reward) for each in visited]
        gains = [later - earlier for earlier, later in pairwise(values)]
        return {
            "no gain": 0.0,
            "smallest gain": min(gains),
            "diversity at the start": diversity(visited[0]) / 10,
            "diversity after curation": diversity(visited[-1]) / 10,
            "diversity with real data": diversity(held[-1]) / 10,
        }
