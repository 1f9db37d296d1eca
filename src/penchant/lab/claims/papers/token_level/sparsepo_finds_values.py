"""Learned masks of SparsePO and values."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.tabular.token_tables import draw_tables, train_to_margin
from penchant.objectives import build

__all__ = ["FindsValues"]


class FindsValues(Claim):
    """Masks that a network learns from the token before, and the divergence that they save."""

    id = "sparsepo-finds-values"
    paper = "arXiv:2410.05102"
    sentence = (
        "With a small penalty, learned masks are larger on the tokens that decide the labels than on others, and at "
        "the same separation the policy has less divergence elsewhere than with DPO."
    )
    methods = ("sparsepo",)
    baselines = ("dpo",)
    world = (
        "tables of next tokens; 200 pairs of 12 tokens, of which three are values; trained until the values of a pair "
        "are 15 nats apart"
    )
    quantity = "mean mask, or KL(π_ref ‖ π) summed over the other positions of a response, nats"
    contrasts = (
        Contrast("mask of values", "mask of other tokens", smallest=0.5),
        Contrast("divergence, dpo", "divergence, sparsepo", smallest=2.0),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = 0.1, penalties 0.001."""
        tables = draw_tables(seed)
        pairs = tables.pairs(200, torch.Generator().manual_seed(seed))
        masked = build("sparsepo", beta=0.1, l1_reward=0.001, l1_kl=0.001)
        sparse, dpo = (train_to_margin(tables, each, pairs, {}) for each in (masked, build("dpo")))
        mask = masked.get_submodule("reward_mask")(sparse.views["chosen"].activation("every layer", of_reference=True))
        values, others = (mask[:, where].mean().item() for where in (pairs.value, ~pairs.value))
        return {
            "mask of values": values,
            "mask of other tokens": others,
            "divergence, sparsepo": sparse.elsewhere,
            "divergence, dpo": dpo.elsewhere,
        }
