"""Use of the catalogue by recommended lists: coverage, novelty, and popularity bias."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np

from penchant.errors import ConfigurationError
from penchant.evaluation.recommendation.lists import checked_lists, checked_relevant

__all__ = ["usage_metrics"]


def usage_metrics(
    lists: Sequence[Sequence[int]], profiles: Sequence[Collection[int]], items: int, *, head: float = 0.2
) -> dict[str, float]:
    """How much of the catalogue is recommended, and how popular it is already.

    novelty = mean of −log₂ p,   p = (users who took the item + 1) / (users + 1)

    The popularity of an item is the share of the profiles that hold it.

    Args:
        lists: the recommended items of each user, numbered 1 to ``items``, best first; all of one length.
        profiles: the items that each user took before, for any number of users, such as those of the training data.
        items: number of items in the catalogue.
        head: the share of the catalogue, most popular first, that counts as its short head, in (0, 1).

    Returns:
        ``coverage``: share of the catalogue that is recommended to somebody, (0, 1]. ``novelty``: self-information in
        bits, from 0 (everybody took the items) to log₂(users + 1) (nobody did). ``popularity``: mean popularity of what
        is recommended, [0, 1]. ``lift``: popularity divided by that of what the users took themselves, less 1; 0 is
        no bias, above 0 the lists are more popular than the users' own choices, NaN without any choice. ``long_tail``:
        share of the places that go to items outside of the head, [0, 1].

    Raises:
        DataError: see `penchant.evaluation.recommendation.lists.checked_lists`.
        ConfigurationError: there is no profile, or ``head`` is not between 0 and 1.

    Example:
        >>> found = usage_metrics([[1], [1]], [{1}, {1}, {2}], 4)
        >>> found["coverage"], round(found["novelty"], 3), round(found["lift"], 3)
        (0.25, 0.415, 0.2)

    Reference:
        Zhou et al. (2010), Solving the apparent diversity-accuracy dilemma of recommender systems (self-information).
        Abdollahpouri et al. (2019), The Unfairness of Popularity Bias in Recommendation (lift, long tail).
    """
    if not len(profiles) or not 0 < head < 1:
        raise ConfigurationError(
            f"There are {len(profiles)} profiles and the head is {head:g} of the catalogue.",
            fix="Give the items that at least one user took before, and a head between 0 and 1.",
        )
    table = checked_lists(lists, items)
    taken = checked_relevant(profiles, len(profiles), items)
    chosen = np.concatenate(taken)
    takers = np.bincount(chosen - 1, minlength=items).astype(float)
    popularity, novelty = takers / len(profiles), -np.log2((takers + 1) / (len(profiles) + 1))
    shown = table.ravel() - 1
    usual = float(popularity[chosen - 1].mean()) if len(chosen) else math.nan
    short = np.zeros(items, dtype=bool)
    short[np.argsort(-takers, kind="stable")[: max(1, round(head * items))]] = True
    return {
        "coverage": len(np.unique(shown)) / items,
        "novelty": float(novelty[shown].mean()) + 0.0,
        "popularity": float(popularity[shown].mean()),
        "lift": float(popularity[shown].mean()) / usual - 1 if usual else math.nan,
        "long_tail": float((~short[shown]).mean()),
    }
