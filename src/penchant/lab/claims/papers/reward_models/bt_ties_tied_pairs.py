"""Ties as data of a reward model."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.heads import fit_head, random_pairs, with_states
from penchant.objectives import build

__all__ = ["TiesAreData"]


class TiesAreData(Claim):
    """A linear head on random states, with outcomes by Rao and Kupper."""

    id = "bt-ties-tied-pairs"
    paper = "arXiv:2406.11939"
    sentence = (
        "Where many pairs are ties, a reward model that learns from them is nearer to the true reward than one that is "
        "given the decided pairs alone."
    )
    methods = ("bt-ties",)
    baselines = ("bt-reward-model",)
    world = "80 pairs of responses with 8 random features; outcomes by Rao and Kupper with a threshold of 2"
    quantity = "correlation of learned and true rewards on 2,000 other responses"
    contrasts = (Contrast("bt-ties", "bt-reward-model, decided pairs", smallest=0.02),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """300 steps."""
        generator = torch.Generator().manual_seed(seed)
        truth = 0.5 * torch.randn(8, generator=generator, dtype=torch.float64)
        first, second = random_pairs(generator, 80, 8)
        gap = (first - second) @ truth
        draw = torch.rand(80, generator=generator, dtype=torch.float64)
        win, loss = torch.sigmoid(gap - 2), torch.sigmoid(-gap - 2)
        outcome = torch.where(draw < win, 1.0, torch.where(draw < win + loss, 0.0, 0.5)).double()
        decided = outcome != 0.5
        others, _ = random_pairs(generator, 2000, 8)
        found = {}
        for name, arm, kept in (
            ("bt-ties", "bt-ties", torch.ones(80) > 0),
            ("bt-reward-model, decided pairs", "bt", decided),
        ):
            inputs = {
                "chosen": with_states(first[kept]),
                "rejected": with_states(second[kept]),
                "probability": outcome[kept],
            }
            rewards = fit_head(build(arm), inputs, 8).rewards(with_states(others))
            assert rewards is not None
            found[name] = float(torch.corrcoef(torch.stack([rewards, others @ truth]))[0, 1])
        return found
