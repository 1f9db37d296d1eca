"""EXO with the published and with a normalised target."""

from __future__ import annotations

import math
from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, expected_reward, fit_each, log_probabilities, sample_pairs
from penchant.objectives import build

__all__ = ["TargetHardlyMatters"]


class TargetHardlyMatters(Claim):
    """Both forms of EXO with the same odds, and DPO, on the same pairs."""

    id = "exo-pref-official-target"
    paper = "arXiv:2402.00856"
    sentence = (
        "With the published odds of e¹⁰, the unnormalised target of EXO's published code gives the same policy as a "
        "normalised target, and a different one than DPO; the policy is better than the reference."
    )
    methods = ("exo-pref-official", "exo-pref")
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=5, pairs=200)
    quantity = (
        "total variation distance between trained policies; or expected true reward in standard deviations of the "
        "reward"
    )
    contrasts = (
        Contrast("between exo-pref-official and dpo", "1000 × between both forms", smallest=0.05),
        Contrast("exo-pref-official, reward", "reference, reward", smallest=0.4),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same pairs for all, β = 0.3."""
        world = self.draw_world(seed)
        pairs = sample_pairs(world, seed)
        odds = {"exo-pref": {"label_smoothing": 1 / (1 + math.exp(10))}, "exo-pref-official": {}, "dpo": {}}
        methods = {name: build(name, beta=0.3, **hyper) for name, hyper in odds.items()}
        trained = fit_each(world, methods, pairs, steps=100)
        policies = {name: log_probabilities(policy).exp() for name, policy in trained.items()}

        def between(first: str, second: str) -> float:
            return float((policies[first] - policies[second]).abs().sum(-1).mean()) / 2

        return {
            "1000 × between both forms": 1000 * between("exo-pref", "exo-pref-official"),
            "between exo-pref-official and dpo": between("exo-pref-official", "dpo"),
            "exo-pref-official, reward": expected_reward(world, policies["exo-pref-official"].log()),
            "reference, reward": expected_reward(world, world.reference),
        }
