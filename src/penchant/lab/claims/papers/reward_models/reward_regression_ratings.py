"""Regression of ratings against pairs made of them."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.heads import fit_head, random_pairs, with_states
from penchant.objectives import build

__all__ = ["RatingsTeachMore"]


class RatingsTeachMore(Claim):
    """Ratings with errors of two responses to each prompt."""

    id = "reward-regression-ratings"
    paper = "arXiv:2406.08673"
    sentence = (
        "From the same ratings, regression is nearer to the true reward than a Bradley-Terry model of the pairs that "
        "the ratings make."
    )
    methods = ("reward-regression",)
    baselines = ("bt-reward-model",)
    world = "40 prompts with two responses of 8 random features; ratings with errors of half their spread"
    quantity = "correlation of learned and true rewards on 2,000 other responses"
    contrasts = (Contrast("reward-regression", "bt-reward-model", smallest=0.01),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """400 steps."""
        generator = torch.Generator().manual_seed(seed)
        truth = torch.nn.functional.normalize(torch.randn(8, generator=generator, dtype=torch.float64), dim=0)
        first, second = random_pairs(generator, 40, 8)
        rated = [
            each @ truth + 0.5 * torch.randn(40, generator=generator, dtype=torch.float64) for each in (first, second)
        ]
        others, _ = random_pairs(generator, 2000, 8)
        wins = (rated[0] > rated[1]).unsqueeze(1)
        pairs = {
            "chosen": with_states(torch.where(wins, first, second)),
            "rejected": with_states(torch.where(wins, second, first)),
        }
        ratings = {"responses": with_states(torch.cat([first, second])), "scores": torch.cat(rated)}
        found = {}
        for name, inputs in (("reward-regression", ratings), ("bt-reward-model", pairs)):
            rewards = fit_head(build(name), inputs, 8, steps=400).rewards(with_states(others))
            assert rewards is not None
            found[name] = float(torch.corrcoef(torch.stack([rewards, others @ truth]))[0, 1])
        return found
