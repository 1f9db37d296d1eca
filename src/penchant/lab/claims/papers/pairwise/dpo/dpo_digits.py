"""Diffusion-DPO on small images."""

from __future__ import annotations

from collections.abc import Mapping

from penchant.lab.claims import Claim, Contrast
from penchant.lab.worlds.digits import align

__all__ = ["RaisesWhatIsLiked"]


class RaisesWhatIsLiked(Claim):
    """DPO on denoising errors, which is Diffusion-DPO, on pairs of a denoiser's own digits."""

    id = "dpo-digits"
    paper = "arXiv:2311.12908"
    sentence = (
        "A small denoiser of digits, aligned with Diffusion-DPO on pairs of its own digits that a classifier compared, "
        "draws fresh digits that the classifier likes more."
    )
    methods = ("dpo",)
    world = "8 × 8 digits of scikit-learn; a UNet with 16 channels; 24 pairs a class; reward by a classifier of digits"
    quantity = "mean probability of the class asked for, over 240 fresh digits from the same noise"
    contrasts = (Contrast("aligned", "reference", smallest=0.03),)
    seeds = range(5)
    cost = "images"

    def measure(self, seed: int) -> Mapping[str, float]:
        """β = 2000, four passes."""
        return align({"name": "dpo", "beta": 2000.0}, seed, learning_rate=3e-4)
