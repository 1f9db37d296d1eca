"""Quantile, Gaussian and distributional heads know when they do not know."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.heads import fit_head, named_states, with_states
from penchant.objectives import build
from penchant.statistics import area_interval

__all__ = ["SpreadSaysError"]

#: Responses, ratings of each, and the standard deviations of a rating around the truth.
RESPONSES, RATINGS, SURE, UNSURE = 40, 30, 0.2, 1.5


class SpreadSaysError(Claim):
    """Ratings that agree for half of the responses and scatter for the others."""

    id = "quantile-reward-knows"
    paper = "arXiv:2409.10164"
    sentence = (
        "Where raters agree about half of the responses and scatter about the others, the spread of a quantile, "
        "Gaussian or distributional head tells the two kinds apart; the distance of a regressed reward from the mean "
        "does not."
    )
    methods = ("quantile-reward", "gaussian-reward", "distributional-reward")
    baselines = ("reward-regression",)
    world = f"{RESPONSES} responses, {RATINGS} ratings each with standard deviation {SURE} or {UNSURE}"
    quantity = "probability that a response with scattered ratings has the larger spread (area under the ROC curve)"
    contrasts = (
        Contrast("quantile-reward", "reward-regression", smallest=0.3),
        Contrast("gaussian-reward", "reward-regression", smallest=0.3),
        Contrast("distributional-reward", "reward-regression", smallest=0.3),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Heads on states that name the response; 600 steps."""
        generator = torch.Generator().manual_seed(seed)
        truth = torch.randn(RESPONSES, generator=generator, dtype=torch.float64)
        deviation = torch.where(torch.randperm(RESPONSES, generator=generator) < RESPONSES // 2, SURE, UNSURE).double()
        noise = torch.randn(RESPONSES, RATINGS, generator=generator, dtype=torch.float64)
        ratings = truth[:, None] + deviation[:, None] * noise
        states = named_states(1, RESPONSES)[0]
        repeated = with_states(states.repeat_interleave(RATINGS, 0))
        inputs = {"responses": repeated, "scores": ratings.flatten()}
        found = {}
        bins = {"low": float(ratings.min()), "high": float(ratings.max())}
        for name, more in (
            ("quantile-reward", {"quantiles": 9}),
            ("gaussian-reward", {}),
            ("distributional-reward", bins),
            ("reward-regression", {}),
        ):
            fitted = fit_head(build(name, **more), inputs, RESPONSES, steps=600)
            outputs = fitted.reward_head(states).detach()  # type: ignore[operator]
            if name == "reward-regression":
                spread = (outputs[:, 0] - outputs[:, 0].mean()).abs()
            else:
                spread = fitted.spread(outputs)  # type: ignore[operator]
            unsure = deviation == UNSURE
            found[name] = area_interval(spread[unsure].tolist(), spread[~unsure].tolist()).value
        return found
