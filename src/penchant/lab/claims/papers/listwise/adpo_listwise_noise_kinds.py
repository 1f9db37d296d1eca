"""ADPO on scored lists with three kinds of noise."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import (
    NOISE_KINDS,
    Dials,
    best_against_worst,
    expected_reward,
    fit_each,
    noisy_lists,
    sample_lists,
)
from penchant.objectives import build

__all__ = ["ListsUnderNoise"]


class ListsUnderNoise(Claim):
    """ADPO with standardised and with raw scores, and DPO on best-against-worst pairs of the same lists."""

    id = "adpo-listwise-noise-kinds"
    paper = "arXiv:2510.18913"
    sentence = (
        "ADPO on lists reaches a higher true reward than DPO on best-against-worst pairs of the same lists, with "
        "Gaussian score errors, with heavy-tailed ones, and with a fifth of the lists reversed."
    )
    methods = ("adpo-listwise",)
    baselines = ("dpo",)
    world = Dials(prompts=4, responses=6, concentration=0.5)
    quantity = "expected true reward, in standard deviations of the reward"
    contrasts = tuple(Contrast(f"adpo-listwise, {kind}", f"dpo, {kind}", smallest=0.12) for kind in NOISE_KINDS)

    def measure(self, seed: int) -> Mapping[str, float]:
        """60 lists of four, 60 steps; τ = 4 and β = 0.1 are the best of two or three values on the tuning seeds."""
        world = self.draw_world(seed)
        arms = {}
        for kind, lists in noisy_lists(sample_lists(world, seed, count=60), seed + 99).items():
            methods = {"adpo-listwise": build("adpo-listwise", tau=4.0), "dpo": build("dpo", beta=0.1)}
            if kind == "heavy-tailed":
                methods["adpo-listwise, raw"] = build("adpo-listwise", target="softmax", tau=4.0)
            examples = {**dict.fromkeys(methods, lists), "dpo": best_against_worst(world, lists)}
            for arm, policy in fit_each(world, methods, examples, steps=60).items():
                arms[f"{arm}, {kind}"] = expected_reward(world, policy)
        return arms
