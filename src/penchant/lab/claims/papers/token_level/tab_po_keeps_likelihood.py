"""TAB-PO and the likelihood of shared tokens."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.token_tables import draw_tables, train_to_margin
from penchant.objectives import build

__all__ = ["KeepsLikelihood"]


class KeepsLikelihood(Claim):
    """TAB-PO with weights on values, beside DPO on mean log-ratios."""

    id = "tab-po-keeps-likelihood"
    paper = "arXiv:2603.00025"
    sentence = (
        "At the same separation of values, tokens that both responses share keep their likelihood with TAB-PO, and "
        "lose it with DPO; the barrier does it, more than the weights."
    )
    methods = ("tab-po",)
    baselines = ("dpo",)
    world = (
        "tables of next tokens; 200 pairs of 12 tokens, of which three are values; trained until the values of a pair "
        "are 15 nats apart"
    )
    quantity = "mean log-ratio of shared tokens of chosen responses, nats"
    contrasts = (
        Contrast("tab-po", "dpo", smallest=0.5),
        Contrast("tab-po", "tab-po, no barrier", smallest=0.5),
        Contrast("tab-po", "reference", not_worse_by=0.1),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Weights as published: 1.2 for values, 1.2 for differing tokens; β = 0.5 and 0.1."""
        tables = draw_tables(seed)
        pairs = tables.pairs(200, torch.Generator().manual_seed(seed))
        fields = {f"{side}_token_weights": 1.0 + 0.2 * pairs.value.expand_as(pairs.differs) for side in pairs.tokens}
        fields |= {f"{side}_differs": pairs.differs.double() for side in pairs.tokens}
        arms = {
            "dpo": build("dpo"),
            "tab-po": build("tab-po"),
            "tab-po, no barrier": build("tab-po", barrier_weight=0.0),
        }
        found = {
            name: train_to_margin(tables, objective, pairs, fields).shared.mean().item()
            for name, objective in arms.items()
        }
        return found | {"reference": 0.0}
