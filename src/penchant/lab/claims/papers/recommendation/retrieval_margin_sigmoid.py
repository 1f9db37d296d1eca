"""The sigmoid loss reaches larger margins than InfoNCE."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from penchant.evaluation.retrieval.margins import best_threshold, margin
from penchant.evaluation.retrieval.separation import Fit, fit_embeddings
from penchant.lab.claims import Claim, Contrast

__all__ = ["SigmoidMargin", "sparse_rows"]


def sparse_rows(rows: int, items: int, positives: int, seed: int) -> torch.Tensor:
    """A relevance matrix [rows, items] with ``positives`` relevant items in every row, drawn by a seed."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.rand(rows, items, generator=generator).argsort(dim=1)
    return torch.zeros(rows, items).scatter(1, order[:, :positives], 1.0)


class SigmoidMargin(Claim):
    """Free embeddings of a random relevance matrix, fitted with each loss in the same number of steps."""

    id = "retrieval-margin-sigmoid"
    paper = "arXiv:2605.23556"
    sentence = (
        "Embeddings of 16 dimensions, fitted to 64 queries with 3 of 32 items relevant, separate them with a larger "
        "margin under the sigmoid loss than under InfoNCE in the same number of steps, at a cosine of 0 and, with "
        "learned temperature and bias, at the best threshold of each."
    )
    measures = ("retrieval-margin",)
    world = "64 queries, 32 items, 3 relevant items per query, drawn at random"
    quantity = "margin of the cosines at 0, or at the best threshold; above 0 all pairs are separated"
    contrasts = (
        Contrast("sigmoid", "InfoNCE", smallest=0.2),
        Contrast("sigmoid", "InfoNCE, positives in the denominator", smallest=0.2),
        Contrast("sigmoid, learned, best threshold", "InfoNCE, learned, best threshold", smallest=0.01),
    )

    def measure(self, seed: int) -> Mapping[str, float]:
        """300 steps each; the temperature is 20 where it is fixed, and starts at 10 where it is learned."""
        relevance = sparse_rows(64, 32, 3, seed)
        fits = {
            "sigmoid": Fit("sigmoid", seed=seed),
            "InfoNCE": Fit("info-nce", seed=seed),
            "InfoNCE, positives in the denominator": Fit("info-nce", denominator="all", seed=seed),
            "sigmoid, learned": Fit("sigmoid", temperature=10.0, bias=-2.0, learned=True, seed=seed),
            "InfoNCE, learned": Fit("info-nce", temperature=10.0, learned=True, seed=seed),
        }
        found = {}
        for arm, fit in fits.items():
            queries, items = fit_embeddings(relevance, 16, fit)
            scores = queries @ items.T
            found[arm] = margin(scores, relevance)
            found[f"{arm}, best threshold"] = margin(scores, relevance, threshold=best_threshold(scores, relevance))
        return found
