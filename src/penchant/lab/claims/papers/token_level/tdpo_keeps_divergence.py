"""TDPO and the divergence from the reference."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.token_tables import draw_tables, train_to_margin
from penchant.objectives import build

__all__ = ["KeepsDivergence"]


class KeepsDivergence(Claim):
    """TDPO in both forms beside DPO."""

    id = "tdpo2-keeps-divergence"
    paper = "arXiv:2404.11999"
    sentence = (
        "At the same separation of values, TDPO2 has less divergence from the reference than DPO on chosen and on "
        "rejected responses, and TDPO1 less on rejected ones."
    )
    methods = ("tdpo2", "tdpo1")
    baselines = ("dpo",)
    world = (
        "tables of next tokens; 200 pairs of 12 tokens, of which three are values; trained until the values of a pair "
        "are 15 nats apart"
    )
    quantity = "KL(π_ref ‖ π) summed over the positions of a response, nats"
    contrasts = (
        Contrast("dpo, chosen", "tdpo2, chosen", smallest=2.0),
        Contrast("dpo, rejected", "tdpo2, rejected", smallest=2.0),
        Contrast("dpo, rejected", "tdpo1, rejected", smallest=0.5),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = 0.1, and α = 0.5 for TDPO2."""
        tables = draw_tables(seed)
        pairs = tables.pairs(200, torch.Generator().manual_seed(seed))
        arms: dict[str, float] = {}
        for name in self.methods + self.baselines:
            spent = train_to_margin(tables, build(name, beta=0.1), pairs, {}).divergence
            arms |= {f"{name}, {side}": each for side, each in spent.items()}
        return arms
