"""`explain_data`: what the labels of a data set reward, from the data alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from penchant.checks.words import count_words
from penchant.diagnostics.features.discovery import Discovery, discover
from penchant.diagnostics.features.people import People, compare_people
from penchant.diagnostics.features.training import FeatureSettings
from penchant.diagnostics.pairs import DataPairs, pairs_of_feedback
from penchant.diagnostics.properties.agents import Agents, compare_agents
from penchant.diagnostics.properties.annotators import PROPERTIES
from penchant.diagnostics.properties.dissection import Dissection, compare_pairs, dissect
from penchant.errors import ConfigurationError, DataError
from penchant.feedback.collection import Feedback
from penchant.rewards.judge import Judge
from penchant.statistics import Interval, share_interval

__all__ = ["Explanation", "explain_data"]


@dataclass(frozen=True)
class Explanation:
    """What a data set rewards.

    Args:
        name: of the data set.
        pairs: number of different pairs.
        longer: share of pairs of unequal length whose preferred response has more words; None where all are equal.
        properties: coefficients of named properties.
        features: found without names; None where they could not be found, with the reason in ``notes``.
        notes: what was left out.
        words: number of words of the chosen and of the rejected response of every pair.
        examples: pairs in which the strongest features are largest: ``feature``, ``prompt``, ``chosen``, ``rejected``.
        agents: what others reward beside it; None where nobody was named.
        people: how differently people weigh the features; None where they were not asked for.
    """

    name: str
    pairs: int
    longer: Interval | None
    properties: Dissection
    features: Discovery | None
    notes: list[str] = field(default_factory=list)
    words: tuple[list[int], list[int]] = ([], [])
    examples: list[dict[str, Any]] = field(default_factory=list)
    agents: Agents | None = None
    people: People | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        longer = self.longer and {"share": self.longer.value, "low": self.longer.low, "high": self.longer.high}
        found = self.features
        return {
            "data": self.name,
            "pairs": self.pairs,
            "longer_preferred": longer,
            "properties": self.properties.rows(),
            "features": [] if found is None else found.rows(),
            "held_out_area": {} if found is None else found.areas,
            "examples": self.examples,
            "words": {"chosen": self.words[0], "rejected": self.words[1]},
            "agents": None if self.agents is None else self.agents.as_dict(),
            "people": None if self.people is None else self.people.as_dict(),
            "notes": self.notes,
        }


def explain_data(
    feedback: Feedback,
    settings: FeatureSettings | None = None,
    *,
    judges: Mapping[str, Judge] | None = None,
    others: Mapping[str, Feedback] | None = None,
    by: str | None = None,
    people: str | None = None,
) -> Explanation:
    """Explain what the labels of comparisons or rankings reward: length, named properties, and features of texts.

    Args:
        feedback: comparisons or rankings.
        settings: of the features.
        judges: whose preferences are compared with the labels, by name.
        others: other data to compare with, by name.
        by: a field of the records, whose values are compared.
        people: a field that names who judged, to see how differently people weigh the features.

    Raises:
        DataError: there are fewer than two different pairs, or people are asked for and there is one.
        ConfigurationError: no record has the field.
    """
    pairs = pairs_of_feedback(feedback, by=people)
    agents = None
    if judges or others or by is not None:
        named = {name: pairs_of_feedback(each) for name, each in (others or {}).items()}
        agents = compare_agents(pairs, judges=judges, others=named, by=by)
    notes = list(pairs.notes)
    if pairs.repeated:
        notes.append(f"{pairs.repeated} pairs that occur before are left out.")
    groups = [pair.group for pair in pairs.pairs]
    properties = dissect(list(PROPERTIES), compare_pairs(pairs), pairs.labels, groups)
    features = None
    try:
        features = discover(pairs, settings)
    except (ConfigurationError, DataError) as error:
        notes.append(f"No features of texts: {error}")
    differ = None if people is None or features is None else compare_people(pairs, features, people)
    notes += [] if differ is None else differ.notes
    words = [count_words(pair.chosen) for pair in pairs.pairs], [count_words(pair.rejected) for pair in pairs.pairs]
    examples = [] if features is None else _examples(pairs, features)
    notes += [] if agents is None else agents.notes
    return Explanation(
        pairs.name, len(pairs), _longer(pairs), properties, features, notes, words, examples, agents, differ
    )


def _examples(pairs: DataPairs, found: Discovery, features: int = 3, count: int = 2) -> list[dict[str, Any]]:
    """The pairs in which the features with the largest effects fire most."""
    shown = []
    for row in found.rows(features):
        # Several people may have judged one pair.
        different = {
            frozenset((pair.prompt, pair.first, pair.second)): pair
            for pair in reversed(found.strongest(pairs.pairs, int(str(row["feature"])), len(pairs)))
        }
        shown += [(row["feature"], pair) for pair in list(different.values())[: -count - 1 : -1]]
    return [
        {"feature": place, "prompt": pair.prompt, "chosen": pair.chosen, "rejected": pair.rejected}
        for place, pair in shown
    ]


def _longer(pairs: DataPairs) -> Interval | None:
    differ = pairs.length_difference != 0
    if not differ.any():
        return None
    right = (pairs.length_difference > 0) == (pairs.labels > 0.5)
    return share_interval(float(right[differ].mean()), int(differ.sum()))
