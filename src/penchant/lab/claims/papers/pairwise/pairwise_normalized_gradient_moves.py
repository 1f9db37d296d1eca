"""Normalised gradients on pairs of similar responses."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular import Dials, moves_of_one_step, pair_examples

__all__ = ["NormalisedGradientsMoveApart"]


class NormalisedGradientsMoveApart(Claim):
    """One gradient step on each single pair, with the gradient of DPO and with the normalised one."""

    id = "pairwise-normalized-gradient-moves"
    paper = "arXiv:2410.13828"
    sentence = (
        "For similar responses, a DPO step moves both likelihoods of many pairs in the same direction; with normalised "
        "gradients, the chosen one rises and the rejected one falls for all pairs."
    )
    methods = ("pairwise-normalized-gradient",)
    baselines = ("dpo",)
    world = Dials(prompts=16, responses=8, features=3, similarity=0.7)
    quantity = "share of the pairs whose chosen response rises and whose rejected one falls"
    contrasts = (Contrast("normalised", "dpo", smallest=0.05), Contrast("normalised", 0.9, smallest=0.05))

    def measure(self, seed: int) -> Mapping[str, float]:
        """One random pair per prompt."""
        world = self.draw_world(seed)
        both = torch.multinomial(torch.ones(16, 8), 2, generator=torch.Generator().manual_seed(seed))
        pairs = pair_examples(world, torch.arange(16), *both.unbind(-1))
        arms = {"normalised": "pairwise-normalized-gradient", "dpo": "dpo"}
        return {arm: moves_of_one_step(world, name, pairs).count("desired") / 16 for arm, name in arms.items()}
