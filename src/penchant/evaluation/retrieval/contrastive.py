"""Effective contrastive information: how much the mined negatives of a retriever are worth, before any training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Literal

import numpy as np

from penchant.errors import ConfigurationError
from penchant.objectives.core.evidence import reconstruction

__all__ = ["EVIDENCE", "Reading", "contrastive_information", "information_of_query"]

EVIDENCE = reconstruction(
    "The abstract names capacity, hardness and safety; their forms are our reading: the cut of 0.8 follows a "
    "third-party description, the margin of the second reading is ours."
)

#: What hardness and safety are made of.
Reading = Literal["cut", "margin"]


def information_of_query(
    positive: float,
    negatives: Sequence[float],
    *,
    reading: Reading = "cut",
    cut: float = 0.8,
    margin: float = 0.15,
) -> float:
    """ECI of one query: capacity times the harmonic mean of hardness and safety.

    ECI = log(1 + N) · 2 H S / (H + S)

    H is the mean score of the negatives, where scores below 0 count 0. S is, by reading,

    - ``cut``: the share of negatives with a score under the cut, since a higher one may be a false negative;
    - ``margin``: the mean of (s⁺ − s) / margin, cut to [0, 1], so that a negative above the positive counts 0.

    Args:
        positive: s⁺, the score of the positive (used by the reading ``margin`` alone).
        negatives: scores of the N negatives, such as cosines, at most 1.
        reading: how safety is measured.
        cut: in (0, 1].
        margin: above 0.

    Returns:
        From 0 (no negatives, easy ones or false ones alone) to log(1 + N), nats.

    Raises:
        ConfigurationError: an unknown reading, or a cut or margin out of range.

    Example:
        >>> round(information_of_query(0.9, [0.5, 0.5, 0.5]), 3), information_of_query(0.9, [0.95, 0.9])
        (0.924, 0.0)

    Reference:
        arXiv:2603.20990; see `EVIDENCE` for what is our reading.
    """
    if reading not in ("cut", "margin") or not 0 < cut <= 1 or margin <= 0:
        raise ConfigurationError(
            f"The reading is {reading!r} with cut {cut:g} and margin {margin:g}.",
            fix="Readings are cut, with a cut in (0, 1], and margin, above 0.",
        )
    if not len(negatives):
        return 0.0
    scores = np.asarray(negatives, dtype=float)
    hardness = float(np.clip(scores, 0, 1).mean())
    if reading == "cut":
        safety = float((scores < cut).mean())
    else:
        safety = float(np.clip((positive - scores) / margin, 0, 1).mean())
    if hardness + safety == 0:
        return 0.0
    return math.log(1 + len(scores)) * 2 * hardness * safety / (hardness + safety)


def contrastive_information(
    positives: Sequence[float],
    negatives: Sequence[Sequence[float]],
    *,
    reading: Reading = "cut",
    cut: float = 0.8,
    margin: float = 0.15,
) -> float:
    """ECI of a source of negatives: the mean of `information_of_query` over queries.

    Args:
        positives: score of the positive of each query.
        negatives: scores of the negatives of each query; their numbers may differ.
        reading: see `information_of_query`.
        cut: see `information_of_query`.
        margin: see `information_of_query`.

    Raises:
        ConfigurationError: there is no query, or not one list of negatives each.

    Example:
        >>> easy, hard = [[0.05] * 4], [[0.6] * 4]
        >>> contrastive_information([0.9], easy) < contrastive_information([0.9], hard)
        True
    """
    if not positives or len(positives) != len(negatives):
        raise ConfigurationError(
            f"There are {len(positives)} positives and {len(negatives)} lists of negatives, expected one of each per "
            "query."
        )
    options = {"cut": cut, "margin": margin}
    return fmean(
        information_of_query(positive, own, reading=reading, **options)
        for positive, own in zip(positives, negatives, strict=True)
    )
