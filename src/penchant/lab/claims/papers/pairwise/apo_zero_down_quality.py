"""APO-zero and APO-down by quality of the chosen responses."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Examples, World, expected_reward, fit_each, pair_examples
from penchant.objectives import build

__all__ = ["FormByQuality"]


class FormByQuality(Claim):
    """Both forms of APO on pairs whose chosen responses are better, or worse, than the policy's own."""

    id = "apo-zero-down-quality"
    paper = "arXiv:2408.06266"
    sentence = (
        "If chosen responses are better than the policy's own, APO-zero gains more reward than APO-down; if they are "
        "worse, APO-down gains more."
    )
    methods = ("apo-zero", "apo-down")
    baselines = ("dpo",)
    world = Dials(prompts=6, responses=8, reference_skill=1.0, reference_spread=0.5)
    quantity = "gain of expected true reward over the reference, in standard deviations of the reward"
    contrasts = (
        Contrast("apo-zero, better chosen", "apo-down, better chosen", smallest=0.1),
        Contrast("apo-down, worse chosen", "apo-zero, worse chosen", smallest=0.8),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = 0.1 for all; the reference prefers good responses."""
        world = self.draw_world(seed)
        # By rank of reward, ascending: the best two against the others, or two of the worst four against the other two.
        kinds = {"better chosen": ((7, 6), range(6)), "worse chosen": ((3, 2), range(2))}
        start = expected_reward(world, world.reference)
        arms = {}
        for kind, ranks in kinds.items():
            pairs = _pairs(world, *ranks)
            methods = {name: build(name, beta=0.1) for name in self.methods + self.baselines}
            for name, policy in fit_each(world, methods, pairs, steps=60).items():
                arms[f"{name}, {kind}"] = expected_reward(world, policy) - start
        return arms


def _pairs(world: World, chosen: tuple[int, ...], rejected: range) -> Examples:
    order = world.reward.argsort(-1)
    places = [
        (prompt, int(row[good]), int(row[bad]))
        for prompt, row in enumerate(order)
        for good in chosen
        for bad in rejected
    ]
    return pair_examples(world, *torch.tensor(places).unbind(-1))
