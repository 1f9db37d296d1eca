"""Optima's rounds of DPO alone: pairs of turns of a tree of conversations."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.agents import run_agents

__all__ = ["PairsOfTurnsAlone"]


class PairsOfTurnsAlone(Claim):
    """Rounds of DPO between the best and the worst answer to a turn, without imitation."""

    id = "optima-idpo-tokens"
    paper = "arXiv:2410.08115"
    sentence = (
        "Two agents that hold one number each, and talk too much, answer with at least a fifth fewer tokens after four "
        "rounds of Optima's DPO between turns, and are right as often as before."
    )
    measures = ("optima-idpo",)
    world = "two agents with a number each; 30 of 100 tasks held out, four conversations about each at temperature 0.7"
    quantity = "share of tokens saved in a conversation; share of right answers"
    contrasts = (
        Contrast("saved", 0.2, smallest=0.02),
        Contrast("right, end", "right, start", not_worse_by=0.05),
    )
    seeds = range(1, 6)
    cost = "language"
    remark = "Settings were tried on seed 0, where four rounds save 39 %."

    def measure(self, seed: int) -> Mapping[str, float]:
        """Four rounds from the start model of the world."""
        with tempfile.TemporaryDirectory() as place:
            curve = run_agents(Path(place), "optima-idpo", seed).curve
        return {"right, start": curve[0][1], "right, end": curve[-1][1], "saved": 1 - curve[-1][4] / curve[0][4]}
