"""The loop of iTool beside the model that it starts from."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tools import TOOLS, before_and_after

__all__ = ["HardCallsGetRight"]


class HardCallsGetRight(Claim):
    """Fragments of calls, searched near the right ones for the hardest requests and trained by SimPO."""

    id = "simpo-itool-hard-third"
    paper = "arXiv:2501.09766"
    sentence = (
        "Three rounds of iTool, each on the hardest 30 % of the requests, raise the share of exactly right calls on "
        "the third of held-out requests that is hardest for the start model, which learned from careless "
        "demonstrations."
    )
    methods = ("simpo",)
    world = "requests and calls of four tools with one to four arguments, or none; 200 to train on, 120 held out"
    quantity = "share of exactly right sampled calls on held-out requests"
    contrasts = (Contrast("itool, hard third", "start, hard third", smallest=0.03),)
    seeds = range(5)
    cost = "language"

    def measure(self, seed: int) -> Mapping[str, float]:
        """Five fragments a request are continued three times each."""
        found = before_and_after(TOOLS, ("itool",), seed)
        return {
            f"{arm}, {part}": value
            for arm, thirds in found.items()
            for part, value in (("hard third", thirds.hard), ("other thirds", thirds.others))
        }
