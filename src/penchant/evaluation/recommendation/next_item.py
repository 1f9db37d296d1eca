"""How well lists of recommended items contain the next item of users, and how varied they are, with intervals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from penchant.statistics import Interval, mean_interval, paired_difference, share_interval

__all__ = ["NextItem", "compared_with", "next_item", "self_information"]


@dataclass(frozen=True)
class NextItem:
    """Measures of lists of ``k`` items; the target of each user is one item.

    Args:
        name: of the recommender.
        k: length of the lists.
        hit: share of users whose list holds the target (Hit@k), with Wilson's interval; ``ndcg`` mean of
            1/log₂(place + 1) of the target, 0 for a miss (NDCG@k); ``mrr`` mean of 1/place (MRR@k). All in [0, 1],
            higher is better.
        coverage: share of the items that are recommended to anybody, in [0, 1]; it has no interval, since it is no mean
            over users.
        novelty: mean information of the recommended items in bits (`self_information`); higher is further from what
            everybody takes.
        gains: NDCG@k of each user.
    """

    name: str
    k: int
    hit: Interval
    ndcg: Interval
    mrr: Interval
    coverage: float
    novelty: Interval
    gains: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """The measures as plain numbers, without those of each user."""
        return {name: value for name, value in asdict(self).items() if name != "gains"}


def self_information(histories: Sequence[Sequence[int]], items: int) -> list[float]:
    """−log₂ ((users who took the item + 1) / (users + 1)) for each item, in bits.

    Example:
        >>> [round(each, 3) for each in self_information([[0], [0, 1], [0, 1]], 3)]
        [0.0, 0.415, 2.0]

    Reference:
        Zhou et al. (2010), Solving the apparent diversity-accuracy dilemma of recommender systems.
    """
    counts = Counter(item for each in histories for item in set(each))
    return [math.log2((len(histories) + 1) / (counts[item] + 1)) for item in range(items)]


def next_item(
    name: str, lists: Sequence[Sequence[int]], targets: Sequence[int], *, k: int, information: Sequence[float]
) -> NextItem:
    """Measure lists against the next item of each user.

    Args:
        name: of the recommender.
        lists: recommended items of each user, best first; those after the first ``k`` are not looked at.
        targets: the item that each user took next.
        k: length that counts.
        information: of each item, in bits (`self_information`).

    Example:
        >>> found = next_item("mine", [[3, 1], [0, 2]], [1, 1], k=2, information=[1.0] * 4)
        >>> found.hit.value, found.mrr.value, found.coverage
        (0.5, 0.25, 1.0)
    """
    cut = [list(each)[:k] for each in lists]
    places = [each.index(target) + 1 if target in each else 0 for each, target in zip(cut, targets, strict=True)]
    gains = [1 / math.log2(place + 1) if place else 0.0 for place in places]
    shown = [[information[item] for item in each] for each in cut if each]
    return NextItem(
        name,
        k,
        hit=share_interval(sum(place > 0 for place in places) / len(places), len(places)),
        ndcg=mean_interval(gains).within(0, 1),
        mrr=mean_interval([1 / place if place else 0.0 for place in places]).within(0, 1),
        coverage=len({item for each in cut for item in each}) / len(information),
        novelty=mean_interval([sum(each) / len(each) for each in shown]),
        gains=tuple(gains),
    )


def compared_with(one: NextItem, other: NextItem, seed: int = 0) -> Interval:
    """The difference of NDCG@k, ``one`` − ``other``, paired by user, with its bootstrap interval."""
    return paired_difference(other.gains, one.gains, seed=seed)
