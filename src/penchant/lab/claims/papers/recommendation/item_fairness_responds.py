"""Corrected fairness measures respond where the originals cannot."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from penchant.evaluation.recommendation.fairness import fairness_metrics
from penchant.lab.claims import Claim, Contrast

__all__ = ["FairnessResponds"]

USERS, ITEMS, K = 20, 1000, 5
MEASURES = ("Jain", "QF", "Ent", "Gini")


class FairnessResponds(Claim):
    """Original and corrected measures between the unfairest and the fairest lists of few users and many items."""

    id = "item-fairness-responds"
    paper = "arXiv:2311.01013"
    sentence = (
        "Where all lists together have a tenth as many places as the catalogue has items, the original fairness "
        "measures hardly move between the same list for all and lists that share no item, or are undefined; the "
        "corrected ones go from one end of their range to the other, and respond when half of the places change."
    )
    measures = ("item-fairness",)
    world = f"{USERS} users, {ITEMS} items, lists of {K}: the same for all, with a share of the places filled at random"
    quantity = "change of the measures, as a share of their nominal range from 0 to 1; an undefined one counts 0"
    contrasts = (
        Contrast("corrected, unfair to fair", "original, unfair to fair", smallest=0.8),
        Contrast("corrected, half of the places", "original, half of the places", smallest=0.05),
    )
    remark = (
        "Of Jain's index, the share of recommended items (QF), entropy and Gini, the change of the original that moves "
        "most is compared with that of the corrected one that moves least. The original entropy is undefined here."
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """The same list for all; the same with half of the places drawn anew; lists without a common item."""
        rng = np.random.default_rng(seed)
        order = rng.permutation(ITEMS) + 1
        same = np.tile(order[:K], (USERS, 1))
        apart = order[: USERS * K].reshape(USERS, K)
        half = same.copy()
        changed = rng.choice(USERS * K, USERS * K // 2, replace=False)
        half.ravel()[changed] = order[-len(changed) :]
        unfair, halved, fair = (fairness_metrics(lists, ITEMS) for lists in (same, half, apart))
        return {
            f"{name}, {words}": chosen(_change(unfair, end, each, form) for each in MEASURES)
            for name, form, chosen in (("corrected", "our", min), ("original", "ori", max))
            for words, end in (("unfair to fair", fair), ("half of the places", halved))
        }


def _change(one: Mapping[str, float], other: Mapping[str, float], measure: str, form: str) -> float:
    moved = abs(other[f"{measure}_{form}"] - one[f"{measure}_{form}"])
    return 0.0 if np.isnan(moved) else float(moved)
