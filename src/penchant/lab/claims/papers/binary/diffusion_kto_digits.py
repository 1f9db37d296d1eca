"""Diffusion-KTO raises the classifier reward of generated digits."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.digits import align

__all__ = ["LearnsFromSingleJudgements"]


class LearnsFromSingleJudgements(Claim):
    """Diffusion-KTO on samples of a denoiser, each labelled as liked or not."""

    id = "diffusion-kto-digits"
    paper = "arXiv:2404.04465"
    sentence = (
        "Diffusion-KTO raises the classifier reward of digits from a small denoiser, when trained on its own samples "
        "labelled as liked if the classifier scores them above the median of their class."
    )
    methods = ("diffusion-kto",)
    world = "8 × 8 digits of scikit-learn; UNet with 16 channels; 24 digits per class; classifier reward"
    quantity = "mean probability of the requested class, over 240 fresh digits from the same noise"
    contrasts = (Contrast("aligned", "reference", smallest=0.02),)
    seeds = range(5)
    cost = "images"

    def measure(self, seed: int) -> Mapping[str, float]:
        """The published β = 1000, four passes."""
        return align({"name": "diffusion-kto"}, seed, learning_rate=1e-4, feedback="judgements")
