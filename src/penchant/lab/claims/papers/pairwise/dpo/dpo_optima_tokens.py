"""Optima: two agents learn to exchange what they know in few tokens."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.agents import run_agents

__all__ = ["FewWordsSuffice"]


class FewWordsSuffice(Claim):
    """Rounds of imitating the best conversations, alone and in turn with rounds of DPO between turns of a tree."""

    id = "dpo-optima-tokens"
    paper = "arXiv:2410.08115"
    sentence = (
        "Two agents that hold one number each, and talk too much, answer with less than half of the tokens after four "
        "rounds of Optima, imitation alone or in turn with DPO, and are right as often as before."
    )
    methods = ("dpo", "nll")
    world = "two agents with a number each; 30 of 100 tasks held out, four conversations about each at temperature 0.7"
    quantity = "share of tokens saved in a conversation; share of right answers"
    contrasts = (
        Contrast("saved, alternating", 0.5, smallest=0.02),
        Contrast("saved, imitation", 0.5, smallest=0.02),
        Contrast("right, alternating", "right, start", not_worse_by=0.05),
        Contrast("right, imitation", "right, start", not_worse_by=0.05),
    )
    seeds = range(1, 6)
    cost = "language"
    remark = (
        "The start model knows its long turns by heart, so readability weighs 0.01 here and not 1. Rounds of DPO alone "
        "(optima-idpo) save 39 % in four rounds of seed 0, with which settings were tried."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Four rounds of each recipe on the same start model."""
        found: dict[str, float] = {}
        for arm, method in (("imitation", "optima-isft"), ("alternating", "optima")):
            with tempfile.TemporaryDirectory() as place:
                curve = run_agents(Path(place), method, seed).curve
            found["right, start"] = curve[0][1]
            found[f"right, {arm}"] = curve[-1][1]
            found[f"saved, {arm}"] = 1 - curve[-1][4] / curve[0][4]
        return found
