"""PROFILE points at the factor in which a judge differs from people."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from penchant.lab.claims import Claim, Contrast

__all__ = ["FactorCorrection"]

_FACTORS, _PAIRS = 8, 1000


class FactorCorrection(Claim):
    """A judge that shares people's weights of eight factors but one, which it weighs far too much."""

    id = "profile-factors-correction"
    paper = "arXiv:2410.06965"
    sentence = (
        "Where a judge of pairs with correlated factors weighs one of eight factors unlike people, the factor whose "
        "score differs most from people's is that factor, and correcting the judge there raises its agreement with "
        "people more than correcting a random factor."
    )
    measures = ("profile-factors",)
    world = "1,000 pairs that differ in eight correlated factors; people and judges are Bradley-Terry in these factors"
    quantity = "share: agreement with people on 1,000 other pairs; of seeds, in which the factor is found"
    contrasts = (
        Contrast("the factor is found", 0.125, smallest=0.6),
        Contrast("most misaligned factor corrected", "random factor corrected", smallest=0.015),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """Corrected: the judge weighs that factor as people do."""
        from penchant.diagnostics.properties.factors import factor_score

        rng = np.random.default_rng(seed)
        weights = rng.normal(0.8, 0.4, _FACTORS)
        judge, planted = weights + rng.normal(0, 0.15, _FACTORS), int(rng.integers(_FACTORS))
        judge[planted] += 2.5
        mixing = np.linalg.cholesky(0.7 * np.eye(_FACTORS) + 0.3)

        def draw() -> np.ndarray:
            # Each factor is −1, 0 or 1, as a comparison of two responses by this factor.
            return np.asarray(np.round(np.clip(rng.standard_normal((_PAIRS, _FACTORS)) @ mixing.T, -1, 1)))

        def prefers(pairs: np.ndarray, by: np.ndarray) -> np.ndarray:
            return np.where(rng.random(len(pairs)) < 1 / (1 + np.exp(-pairs @ by)), 1.0, -1.0)

        seen, other = draw(), draw()
        sides = [prefers(seen, each) for each in (weights, judge)]
        scores = [np.array([factor_score(column, side) for column in seen.T]) for side in sides]
        apart = int(np.abs(scores[0] - scores[1]).argmax())
        people = prefers(other, weights)

        def agreement(factor: int | None) -> float:
            by = judge.copy()
            if factor is not None:
                by[factor] = weights[factor]
            return float((np.sign(other @ by) == people).mean())

        return {
            "the factor is found": float(apart == planted),
            "most misaligned factor corrected": agreement(apart),
            "random factor corrected": float(np.mean([agreement(each) for each in range(_FACTORS)])),
            "uncorrected": agreement(None),
        }
