"""MaPO where the preferred images are none of the model's own."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.digits import align

__all__ = ["TowardsForeignImages"]


class TowardsForeignImages(Claim):
    """MaPO on pairs of a real digit and a denoiser's own."""

    id = "mapo-real-digits"
    paper = "arXiv:2406.06424"
    sentence = (
        "Where real digits are preferred to those that a small denoiser draws, MaPO, without a reference, makes it "
        "draw digits that a classifier likes more."
    )
    methods = ("mapo",)
    world = "8 × 8 digits of scikit-learn; a UNet with 16 channels; 24 pairs a class, the chosen one real"
    quantity = "mean probability of the class asked for, over 240 fresh digits from the same noise"
    contrasts = (Contrast("aligned", "reference", smallest=0.02),)
    seeds = range(5)
    cost = "images"

    def measure(self, seed: int) -> Mapping[str, float]:
        """The published β = 0.1, four passes."""
        return align({"name": "mapo"}, seed, learning_rate=1e-4, feedback="real")
