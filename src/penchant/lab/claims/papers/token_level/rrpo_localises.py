"""RRPO and the tokens outside of phrases."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.token_tables import draw_tables, train_to_margin
from penchant.objectives import build

__all__ = ["Localises"]


class Localises(Claim):
    """RRPO with the values as phrases, beside DPO."""

    id = "rrpo-localises"
    paper = "arXiv:2504.12083"
    sentence = (
        "At the same separation of values, tokens that both responses share move less with RRPO, whose phrases are the "
        "values, than with DPO."
    )
    methods = ("rrpo",)
    baselines = ("dpo",)
    world = (
        "tables of next tokens; 200 pairs of 12 tokens, of which three are values; trained until the values of a pair "
        "are 15 nats apart"
    )
    quantity = "mean absolute log-ratio of shared tokens of chosen responses, nats"
    contrasts = (Contrast("dpo", "rrpo", smallest=0.5),)

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = 0.1 for both, and α = 0.05."""
        tables = draw_tables(seed)
        pairs = tables.pairs(200, torch.Generator().manual_seed(seed))
        inside = pairs.value.double().expand_as(pairs.differs)
        fields = {f"{side}_phrase_ids": inside for side in pairs.tokens}
        methods = {"dpo": (build("dpo"), {}), "rrpo": (build("rrpo", alpha=0.05), fields)}
        return {
            name: train_to_margin(tables, objective, pairs, given).shared.abs().mean().item()
            for name, (objective, given) in methods.items()
        }
