"""Diffusion-KTO on small images."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.digits import align

__all__ = ["LearnsFromSingleJudgements"]


class LearnsFromSingleJudgements(Claim):
    """Diffusion-KTO on a denoiser's own digits, each liked or not."""

    id = "diffusion-kto-digits"
    paper = "arXiv:2404.04465"
    sentence = (
        "A small denoiser of digits, aligned with Diffusion-KTO on its own digits, each liked where a classifier puts "
        "it above the median of its class, draws fresh digits that the classifier likes more."
    )
    methods = ("diffusion-kto",)
    world = "8 × 8 digits of scikit-learn; a UNet with 16 channels; 24 digits a class; reward by a classifier of digits"
    quantity = "mean probability of the class asked for, over 240 fresh digits from the same noise"
    contrasts = (Contrast("aligned", "reference", smallest=0.02),)
    seeds = range(5)
    cost = "images"

    def measure(self, seed: int) -> Mapping[str, float]:
        """The published β = 1000, four passes."""
        return align({"name": "diffusion-kto"}, seed, learning_rate=1e-4, feedback="judgements")
