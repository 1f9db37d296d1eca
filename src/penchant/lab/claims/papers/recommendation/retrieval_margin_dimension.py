"""The dimension that separates sparse relevance grows like k log(n / k)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations

import numpy as np
import torch

from penchant.evaluation.retrieval.margins import sparse_dimension
from penchant.evaluation.retrieval.separation import SEARCH, smallest_dimension
from penchant.lab.claims import Claim, Contrast

__all__ = ["SmallestDimension"]

#: Numbers of items and of relevant items per row.
SIZES = ((8, 1), (16, 1), (32, 1), (64, 1), (8, 2), (16, 2), (32, 2), (8, 3), (12, 3), (16, 3))


class SmallestDimension(Claim):
    """Every row with k of n items relevant; the smallest dimension for a margin of the order of the best."""

    id = "retrieval-margin-dimension"
    paper = "arXiv:2605.23556"
    sentence = (
        "The smallest dimension in which embeddings of all rows with k of n items relevant have a margin of 0.2 / √k "
        "is linear in k log(n / k) over k from 1 to 3 and n from 8 to 64, and not in n."
    )
    measures = ("retrieval-margin",)
    world = "all rows with k of n items relevant: k = 1, n from 8 to 64; k = 2, n from 8 to 32; k = 3, n from 8 to 16"
    quantity = "correlation of the smallest dimension with a function of n and k"
    contrasts = (
        Contrast("k log(n / k)", 0.8, smallest=0.1),
        Contrast("k log(n / k)", "n", smallest=0.1),
    )
    seeds = range(5)

    def measure(self, seed: int) -> Mapping[str, float]:
        """The soft margin is maximised in 200 steps from one random start."""
        fit = replace(SEARCH, steps=200, seed=seed)
        found = [
            smallest_dimension(_all_rows(items, positives), fit, least=0.2 * positives**-0.5, starts=1)
            for items, positives in SIZES
        ]
        rules: dict[str, list[float]] = {
            "k log(n / k)": [sparse_dimension(*size) for size in SIZES],
            "n": [items for items, _ in SIZES],
            "k": [positives for _, positives in SIZES],
            "log n": [math.log(items) for items, _ in SIZES],
        }
        return {name: float(np.corrcoef(found, values)[0, 1]) for name, values in rules.items()}


def _all_rows(items: int, positives: int) -> torch.Tensor:
    chosen = torch.tensor(list(combinations(range(items), positives)))
    return torch.zeros(len(chosen), items).scatter(1, chosen, 1.0)
