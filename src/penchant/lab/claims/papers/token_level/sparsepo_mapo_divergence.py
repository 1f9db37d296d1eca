"""Masks from activations and divergence."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.token_tables import draw_tables, train_to_margin
from penchant.objectives import build

__all__ = ["SavesDivergence"]


class SavesDivergence(Claim):
    """Masks that nothing has learned, beside DPO."""

    id = "sparsepo-mapo-divergence"
    paper = "arXiv:2410.05102"
    sentence = (
        "At the same separation of values, masks from the activations of the reference leave less divergence elsewhere "
        "than DPO."
    )
    methods = ("sparsepo-mapo",)
    baselines = ("dpo",)
    world = (
        "tables of next tokens; 200 pairs of 12 tokens, of which three are values; trained until the values of a pair "
        "are 15 nats apart"
    )
    quantity = "KL(π_ref ‖ π) summed over the positions without a value, nats"
    contrasts = (Contrast("dpo", "sparsepo-mapo", smallest=0.5),)
    remark = (
        "The activation is how sure the reference is of the next token, which says nothing about where values stand. "
        "So the masks shrink values about as much as other tokens, and the effect differs from world to world."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = 0.1 for both."""
        tables = draw_tables(seed)
        pairs = tables.pairs(200, torch.Generator().manual_seed(seed))
        return {
            name: train_to_margin(tables, build(name, beta=0.1), pairs, {}).elsewhere
            for name in (*self.methods, *self.baselines)
        }
