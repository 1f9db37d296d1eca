"""PAD with the teacher's distribution and with its ranking alone."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit_each, sample_lists
from penchant.objectives import build

__all__ = ["DistributionsTeachMore"]


class DistributionsTeachMore(Claim):
    """Both forms of PAD on the same lists, scored by a noisy teacher."""

    id = "pad-soft-teacher"
    paper = "arXiv:2502.14272"
    sentence = (
        "With the same scores of a noisy teacher, the distribution over rankings teaches a student more true reward "
        "than the teacher's ranking alone."
    )
    methods = ("pad", "pad-vanilla")
    world = Dials(prompts=8, responses=8, reference_spread=1.0, score_noise=1.0, shortest=1, longest=1)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (Contrast("pad", "pad-vanilla", smallest=0.05), Contrast("pad", "reference", smallest=0.3))

    def measure(self, seed: int) -> Mapping[str, float]:
        """100 lists of four responses; β = 2 for both, responses of one token, 150 steps."""
        world = self.draw_world(seed)
        lists = sample_lists(world, seed)
        methods = {name: build(name, beta=2.0) for name in self.methods}
        trained = fit_each(world, methods, lists, steps=150)
        return {name: expected_reward(world, policy) for name, policy in trained.items()} | {
            "reference": expected_reward(world, world.reference)
        }
