"""The length-controlled win rate and padding."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import expit

from penchant.evaluation.wins.length_controlled import length_controlled
from penchant.lab.claims import Claim, Contrast

__all__ = ["PaddingMovesOnlyTheRawRate"]


class PaddingMovesOnlyTheRawRate(Claim):
    """The same responses as they are, and padded, before a judge that favours length."""

    id = "length-controlled-win-rate-padding"
    paper = "arXiv:2404.04475"
    sentence = (
        "Before a judge that favours length, padding the same responses moves the raw win rate, and hardly the "
        "length-controlled one."
    )
    measures = ("length-controlled-win-rate",)
    world = (
        "800 prompts, quality differences N(−0.3, 1), lognormal lengths; the judge's logit is the quality plus 1.5 "
        "times the logarithm of the ratio of lengths, its votes are drawn; padding makes a response 1.6 times as long"
    )
    quantity = "win rate over the baseline, percent"
    contrasts = (
        Contrast("raw, padded", "raw, plain", smallest=8.0),
        Contrast("controlled, padded", "controlled, plain", not_worse_by=4.0),
        Contrast("controlled, plain", "controlled, padded", not_worse_by=4.0),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Both arms have the same qualities and the same baseline; the logarithm is not what the fit assumes."""
        rng = np.random.default_rng(seed)
        quality = rng.normal(-0.3, 1.0, 800)
        baseline = np.exp(rng.normal(7.0, 0.4, 800))
        plain = baseline * np.exp(rng.normal(0.0, 0.5, 800))
        draws = rng.random(800)
        found: dict[str, float] = {}
        for name, lengths in (("plain", plain), ("padded", 1.6 * plain)):
            votes = (draws < expit(quality + 1.5 * np.log(lengths / baseline))).astype(float)
            fitted = length_controlled(votes.tolist(), baseline.tolist(), lengths.tolist())
            found |= {f"raw, {name}": fitted.raw, f"controlled, {name}": fitted.rate}
        return found
