"""EGPO: the look-ahead step against the plain one."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials
from penchant.objectives.functional.games.preference_games import duality_gap, gradient_step, online_ipo

__all__ = ["LastIterateConverges"]

BETA, RATE, STEPS = 0.02, 0.08, 250


class LastIterateConverges(Claim):
    """Online IPO with exact win rates, with and without the look-ahead step."""

    id = "egpo-last-iterate"
    paper = "arXiv:2503.08942"
    sentence = (
        "In a regularised game with partly cyclic preferences, the last iterate of EGPO reaches the equilibrium, where "
        "online IPO with the same rate circles around it."
    )
    methods = ("egpo", "egpo-pair")
    world = Dials(prompts=4, responses=5, cycles=0.7)
    quantity = "log10 of the duality gap after 250 steps (lower is closer)"
    contrasts = (Contrast("plain step", "extragradient", smallest=3.0),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """The mean over prompts of the logarithm, at least −12."""
        world = self.draw_world(seed)
        found = {}
        for arm, extragradient in (("plain step", False), ("extragradient", True)):
            gaps = [
                _gap_at_the_end(reference, table, extragradient)
                for reference, table in zip(world.reference, world.preference, strict=True)
            ]
            found[arm] = float(torch.stack(gaps).clamp(min=1e-12).log10().mean())
        return found


def _gap_at_the_end(reference: Tensor, preference: Tensor, extragradient: bool) -> Tensor:
    def loss(own: Tensor, opponents: Tensor) -> Tensor:
        return online_ipo(own, reference, preference, BETA, opponents.log_softmax(-1))

    logits = reference
    for _ in range(STEPS):
        logits = gradient_step(logits, loss, RATE, extragradient=extragradient)
    return duality_gap(logits.log_softmax(-1), reference, preference, BETA)
