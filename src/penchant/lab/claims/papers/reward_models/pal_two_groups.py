"""PAL with two groups that disagree."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.heads import by_choice, fit_head, pair_accuracy, random_pairs, with_states
from penchant.objectives import build

__all__ = ["TwoGroups"]


class TwoGroups(Claim):
    """Half of the annotators prefer the opposite of the others, and nobody says who."""

    id = "pal-two-groups"
    paper = "arXiv:2406.08469"
    sentence = (
        "With two groups of annotators who prefer opposite responses, PAL with two prototypes predicts new choices of "
        "each annotator, and one reward for all is at chance."
    )
    methods = ("pal",)
    baselines = ("bt-reward-model",)
    world = "10 annotators of two opposite groups, 400 pairs of responses with 6 random features"
    quantity = "accuracy on 400 other pairs"
    contrasts = (Contrast("pal", "bt-reward-model", smallest=0.2),)
    seeds = range(5)

    def measure(self, seed: int) -> Mapping[str, float]:
        """300 steps; form A with the logistic loss."""
        torch.manual_seed(seed)  # of the heads
        generator = torch.Generator().manual_seed(seed)
        truth = torch.randn(6, generator=generator, dtype=torch.float64)

        def drawn() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
            first, second = random_pairs(generator, 400, 6)
            who = torch.randint(10, (400,), generator=generator)
            sign = torch.where(who < 5, 1.0, -1.0).double()
            return *by_choice(sign * ((first - second) @ truth) > 0, first, second), who.double()

        (good, bad, who), (better, worse, other) = drawn(), drawn()
        pairs = {"chosen": with_states(good), "rejected": with_states(bad)}
        model = build("pal", annotators=10, prototypes=2, width=16, layers=1, pair_loss="logistic")
        fitted = fit_head(model, {**pairs, "annotator": who}, 6, learning_rate=0.02)
        seen = fitted(chosen=with_states(better), rejected=with_states(worse), annotator=other).statistics
        single = fit_head(build("bt"), pairs, 6)
        return {
            "pal": float(seen["reward_accuracy"].double().mean()),
            "bt-reward-model": pair_accuracy(single, better, worse),
        }
