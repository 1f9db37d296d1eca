"""Everything that is measured of recommended lists: relevance, use of the catalogue, fairness, both at once, DPFR."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penchant.errors import ConfigurationError
from penchant.evaluation.recommendation.fairness import fairness_metrics
from penchant.evaluation.recommendation.frontier import Frontier, pareto_frontier
from penchant.evaluation.recommendation.interactions import Interactions
from penchant.evaluation.recommendation.joint import distances_to_frontier, joint_metrics, reference_point
from penchant.evaluation.recommendation.relevance import relevance_metrics
from penchant.evaluation.recommendation.usage import usage_metrics

__all__ = ["LOWER_IS_BETTER", "PAIRS", "MeasuredLists", "measure_lists"]

#: Pairs of a relevance and a fairness measure whose common frontier is drawn.
PAIRS = (("NDCG", "Gini_our"), ("NDCG", "Jain_our"), ("NDCG", "Ent_our"), ("MRR", "QF_our"))
#: Measures of which less is better or fairer; of the others more is.
LOWER_IS_BETTER = frozenset(
    {"Gini_ori", "Gini_our", "Gini-w_ori", "Gini-w_our", "VoCD_ori", "II-D_ori", "AI-D_ori"}
    | {"II-F_ori", "AI-F_ori", "MME_ori", "IAA_ori", "popularity", "lift"}
)


@dataclass(frozen=True)
class MeasuredLists:
    """The measures of several systems on the same users.

    Args:
        measures: by system, then by measure; ``DPFR NDCG Gini_our`` is the distance to the frontier of a pair.
        frontier: what the users' lists could reach; None where it was not asked for.
        references: the point of the frontier that distances are measured from, by pair.
        k: length of the lists.
    """

    measures: Mapping[str, Mapping[str, float]]
    frontier: Frontier | None
    references: Mapping[tuple[str, str], tuple[float, float]]
    k: int

    def rows(self) -> list[dict[str, Any]]:
        """A row per measure: its name, the value of each system, and which direction is better."""
        names = list(dict.fromkeys(name for found in self.measures.values() for name in found))
        return [
            {
                "measure": name,
                **{system: found[name] for system, found in self.measures.items()},
                "better": "lower" if name in LOWER_IS_BETTER or name.startswith("DPFR") else "higher",
            }
            for name in names
        ]


def measure_lists(
    systems: Mapping[str, Iterable[Mapping[str, Any]]],
    interactions: Interactions,
    *,
    k: int = 10,
    pairs: Sequence[tuple[str, str]] = PAIRS,
    alpha: float = 0.5,
    points: int | None = 10,
) -> MeasuredLists:
    """Measure the recommended lists of several systems for the same users.

    Args:
        systems: rows ``{"user", "items"}`` by name of the system, the items best first.
        interactions: what the users took before the test and in it.
        k: length at which lists are cut.
        pairs: relevance and fairness measures whose frontier is computed; none for no frontier.
        alpha: share of the frontier's length, from the relevant to the fair end, at which the reference point lies.
        points: about how many points the frontier is estimated by; None computes all of it, which takes long.

    Returns:
        Measures and frontier.

    Raises:
        DataError: a user has no list, or one that is too short or holds an unknown item.
        ConfigurationError: there is no system, or an unknown measure in a pair.

    Example:
        >>> taken = Interactions.of([{"user": 1, "items": ["a", "b"]}, {"user": 2, "items": ["b", "c"]}])
        >>> found = measure_lists({"mine": [{"user": 1, "items": ["b"]}, {"user": 2, "items": ["a"]}]}, taken, k=1)
        >>> found.measures["mine"]["HR"], found.measures["mine"]["QF_our"]
        (0.5, 1.0)
    """
    if not systems:
        raise ConfigurationError("There is no system to measure.", fix="Give the lists of at least one.")
    count = len(interactions.numbers)
    frontier = None
    if pairs:
        frontier = pareto_frontier(interactions.relevant, interactions.seen, count, k=k, points=points)
    measures = {}
    for name, rows in systems.items():
        lists = interactions.lists(rows, k, name)
        measures[name] = {
            **relevance_metrics(lists, interactions.relevant),
            **usage_metrics(lists, interactions.profiles, count),
            **fairness_metrics(lists, count),
            **joint_metrics(lists, interactions.relevant, count),
        }
    references = {}
    for pair, path in [(each, frontier.pair(*each)) for each in pairs] if frontier else ():
        references[pair] = reference_point(path, alpha)
        own = [(found[pair[0]], found[pair[1]]) for found in measures.values()]
        for found, distance in zip(measures.values(), distances_to_frontier(own, path, alpha), strict=True):
            found[f"DPFR {' '.join(pair)}"] = distance
    return MeasuredLists(measures, frontier, references, k)
