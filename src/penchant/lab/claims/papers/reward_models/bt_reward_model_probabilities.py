"""A Bradley-Terry reward model on probabilities instead of votes."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.heads import fit_head, random_pairs, with_states
from penchant.objectives import build

__all__ = ["ProbabilitiesTeachMore"]


class ProbabilitiesTeachMore(Claim):
    """A linear head on random states; the true reward is linear too."""

    id = "bt-reward-model-probabilities"
    paper = "arXiv:2203.02155"
    sentence = (
        "From the same few pairs, a reward model that is given the share of annotators for each response is nearer to "
        "the true reward than one that is given a single vote."
    )
    methods = ("bt-reward-model",)
    world = "60 pairs of responses with 8 random features, rewards linear in them, votes by Bradley-Terry"
    quantity = "correlation of learned and true rewards on 2,000 other responses"
    contrasts = (Contrast("probabilities", "votes", smallest=0.02),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """300 steps; both arms see the same pairs."""
        generator = torch.Generator().manual_seed(seed)
        truth = torch.randn(8, generator=generator, dtype=torch.float64)
        first, second = random_pairs(generator, 60, 8)
        probability = torch.sigmoid((first - second) @ truth)
        votes = (torch.rand(60, generator=generator, dtype=torch.float64) < probability).double()
        others, _ = random_pairs(generator, 2000, 8)
        found = {}
        for name, labels in (("probabilities", probability), ("votes", votes)):
            inputs = {"chosen": with_states(first), "rejected": with_states(second), "probability": labels}
            rewards = fit_head(build("bt"), inputs, 8).rewards(with_states(others))
            assert rewards is not None
            found[name] = float(torch.corrcoef(torch.stack([rewards, others @ truth]))[0, 1])
        return found
