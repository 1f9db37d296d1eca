"""Diffusion-DPO raises the classifier reward of generated digits."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.digits import align

__all__ = ["RaisesWhatIsLiked"]


class RaisesWhatIsLiked(Claim):
    """Diffusion-DPO (DPO on denoising errors) on pairs of a denoiser's own samples."""

    id = "dpo-digits"
    paper = "arXiv:2311.12908"
    sentence = (
        "Diffusion-DPO raises the classifier reward of digits from a small denoiser, when trained on pairs of its own "
        "samples compared by the classifier."
    )
    methods = ("dpo",)
    world = "8 × 8 digits of scikit-learn; UNet with 16 channels; 24 pairs per class; classifier reward"
    quantity = "mean probability of the requested class, over 240 fresh digits from the same noise"
    contrasts = (Contrast("aligned", "reference", smallest=0.03),)
    seeds = range(5)
    cost = "images"

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = 2000, four passes."""
        return align({"name": "dpo", "beta": 2000.0}, seed, learning_rate=3e-4)
