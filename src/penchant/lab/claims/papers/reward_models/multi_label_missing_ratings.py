"""Several ratings of a response, of which most are missing."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.heads import fit_head, with_states
from penchant.objectives import build

__all__ = ["MissingRatings"]

#: Rated responses, ratings of each, and the share of ratings that are there.
RESPONSES, LABELS, PRESENT = 120, 4, 0.5


class MissingRatings(Claim):
    """Half of all ratings are missing, so that few responses have all of them."""

    id = "multi-objective-reward-regression-missing-ratings"
    paper = "arXiv:2503.21819"
    sentence = (
        "Where half of the ratings are missing, one model of several ratings is nearer to the true weighted sum than "
        "regression of the sum on the responses that have all ratings."
    )
    methods = ("multi-objective-reward-regression",)
    baselines = ("reward-regression",)
    world = f"{RESPONSES} responses with 8 random features and {LABELS} ratings, each there with probability {PRESENT}"
    quantity = "correlation of learned and true weighted sums on 2,000 other responses"
    contrasts = (Contrast("multi-objective-reward-regression", "reward-regression", smallest=0.05),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """400 steps; ratings have errors of half their spread."""
        torch.manual_seed(seed)  # of the heads
        generator = torch.Generator().manual_seed(seed)
        truth = torch.randn(8, LABELS, generator=generator, dtype=torch.float64) / 8**0.5
        states = torch.randn(RESPONSES, 8, generator=generator, dtype=torch.float64)
        ratings = states @ truth + 0.5 * torch.randn(RESPONSES, LABELS, generator=generator, dtype=torch.float64)
        there = torch.rand(RESPONSES, LABELS, generator=generator) < PRESENT
        seen = torch.where(there, ratings, torch.nan)
        whole = there.all(dim=1)
        others = torch.randn(2000, 8, generator=generator, dtype=torch.float64)
        inputs = {
            "multi-objective-reward-regression": {"chosen": with_states(states), "ratings": seen},
            "reward-regression": {"responses": with_states(states[whole]), "scores": ratings[whole].mean(dim=1)},
        }
        found = {}
        for name, given in inputs.items():
            more = {"labels": LABELS} if name.startswith("multi") else {}
            rewards = fit_head(build(name, **more), given, 8, steps=400).rewards(with_states(others))
            assert rewards is not None
            found[name] = float(torch.corrcoef(torch.stack([rewards, (others @ truth).mean(dim=1)]))[0, 1])
        return found
