"""Sparse token masks and opinion words."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import Any

import torch

from penchant.lab import LanguageWorld
from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.language.alignment import align_each, numbers
from penchant.lab.worlds.language.words import GRADES
from penchant.objectives import build

__all__ = ["MasksFindOpinions"]


class MasksFindOpinions(Claim):
    """Masks on the words of reviews, learned from pairs that were compared by sentiment."""

    id = "sparse-token-mask-opinions"
    paper = "arXiv:2410.13828"
    sentence = (
        "With a small sparsity penalty, learned masks keep opinion words, which decide the labels, more than other "
        "words, and the reviews become about as favourable as with DPO on all tokens."
    )
    methods = ("sparse-token-mask",)
    baselines = ("dpo",)
    world = "reviews; Llama of width 96; 800 labelled pairs of generated reviews, three epochs"
    quantity = "mean mask of the tokens of 200 fresh reviews, or mean true sentiment of 500, from −1 to 1"
    contrasts = (
        Contrast("mask of opinions", "mask of other words", smallest=0.15),
        Contrast("masked, reward", "dpo, reward", not_worse_by=0.05),
    )
    seeds = range(5)
    cost = "language"

    def measure(self, seed: int) -> Mapping[str, float]:
        """λ = 0.001, masks of one half at the start, β = 0.1."""
        world, masked = LanguageWorld(), build("sparse-token-mask", initial_mask=0.5, **{"lambda": 0.001})
        spoken = align_each(world, {"dpo": "dpo", "masked": masked}, world.pairs(800, seed), seed, epochs=3)
        opinions, others = _masks(world, spoken["masked"].model, masked.get_submodule("head"), seed)
        return {"mask of opinions": opinions, "mask of other words": others, **numbers(spoken, "reward")}


def _masks(world: LanguageWorld, model: Any, head: torch.nn.Module, seed: int) -> tuple[float, float]:
    """The mean mask of opinion words and of all other words in fresh reviews."""
    tokenizer = world.tokenizer()
    kept: dict[bool, list[float]] = {True: [], False: []}
    for pair in world.pairs(100, 1_000_000 + seed):
        prompt = tokenizer(pair["prompt"], add_special_tokens=False)["input_ids"]
        for side in ("chosen", "rejected"):
            words = tokenizer(pair[side], add_special_tokens=False)["input_ids"]
            with torch.no_grad():
                states = model.model(torch.tensor([prompt + words])).last_hidden_state[0]
                # The state that predicts a token also gives its mask.
                masks = torch.sigmoid(head(states[len(prompt) - 1 : -1])).flatten().tolist()
            for word, mask in zip(words, masks, strict=True):
                kept[tokenizer.decode([word]) in GRADES].append(mask)
    return fmean(kept[True]), fmean(kept[False])
