"""POWER-DL in long training."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, Policy, expected_reward, fit, log_probabilities, sample_pairs
from penchant.objectives import build

__all__ = ["LabelsEndTheChase"]


class LabelsEndTheChase(Claim):
    """POWER-DL and POWER, early and late in training on noisy pairs that mostly occur once, and DPO."""

    id = "power-dl-long-training"
    paper = "arXiv:2412.09544"
    sentence = (
        "If noisy pairs sparsely cover the responses of a good reference, POWER loses true reward with longer "
        "training; POWER-DL does not, and ends higher than POWER and DPO."
    )
    methods = ("power-dl",)
    baselines = ("power", "dpo")
    world = Dials(prompts=4, responses=16, reference_skill=1.5, temperature=2.0, pairs=100)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = (
        Contrast("power, best on the way", "power, end", smallest=0.1),
        Contrast("power-dl, end", "power, end", smallest=0.1),
        Contrast("power-dl, end", "dpo, end", smallest=0.05),
    )
    remark = (
        "The labels decay before much is learned, so POWER-DL ends close to the reference, which is good here; DPO at "
        "β = 0.1 improves on it."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Plain gradient descent, 150 steps, measured every ten steps."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        arms = {"reference": expected_reward(world, world.reference)}
        runs = {
            "power-dl": (build("power-dl", beta=2.0, eta=0.01, gamma=0.1), 8.0),
            "power": (build("power", beta=2.0, eta=0.01), 8.0),
            "dpo": (build("dpo", beta=0.1), 50.0),
        }
        for arm, (method, rate) in runs.items():
            seen: list[float] = []

            def watch(step: int, policy: Policy, loss: float, seen: list[float] = seen) -> None:
                if step % 10 == 0:
                    seen.append(expected_reward(world, log_probabilities(policy)))

            last = fit(world, method, pairs, steps=150, learning_rate=rate, optimizer="sgd", watch=watch)
            arms[f"{arm}, best on the way"] = max(seen)
            arms[f"{arm}, end"] = expected_reward(world, last)
        return arms
