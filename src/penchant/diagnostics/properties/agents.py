"""What several agents reward, side by side: people, other data, judges, and parts of the data (PROFILE)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from penchant.diagnostics.pairs import DataPairs, Pair
from penchant.diagnostics.properties.annotators import PROPERTIES
from penchant.diagnostics.properties.dissection import Dissection, compare_pairs, dissect, similarities
from penchant.errors import ConfigurationError, nearest
from penchant.rewards.judge import Judge
from penchant.rewards.scores import compared_all

__all__ = ["DATA", "Agents", "compare_agents", "judged_labels"]

#: The name of the labels of the data themselves.
DATA = "data"
#: Fewest pairs of a part of the data.
_LEAST = 30


@dataclass(frozen=True)
class Agents:
    """What several agents reward.

    Args:
        rewarded: by agent; the first is the data.
        notes: what was left out.
    """

    rewarded: dict[str, Dissection]
    notes: list[str] = field(default_factory=list)

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Headings, and a row per property: log-odds (τ) of each agent, * where the interval does not hold 0."""
        first = next(iter(self.rewarded.values()))
        rows = [[first.names[place], *(_cell(each, place) for each in self.rewarded.values())] for place in first.order]
        return ["property", *self.rewarded], rows

    def alike(self) -> tuple[list[str], list[list[str]]]:
        """Headings, and a row per two agents: how alike they are."""
        kinds = ("pearson", "spearman", "normed_l1", "tau_spearman")
        rows = [
            [f"{row['first']}, {row['second']}", *(f"{row[kind]:.2f}".replace("-", "−") for kind in kinds)]
            for row in similarities(self.rewarded)
        ]
        return ["agents", "Pearson", "Spearman", "−mean |difference|", "Spearman of τ"], rows

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        each = {name: {"pairs": found.pairs, "properties": found.rows()} for name, found in self.rewarded.items()}
        return {"rewarded": each, "similarities": similarities(self.rewarded)}


def compare_agents(
    pairs: DataPairs,
    *,
    judges: Mapping[str, Judge] | None = None,
    others: Mapping[str, DataPairs] | None = None,
    by: str | None = None,
) -> Agents:
    """Dissect the labels of the data, those of judges on the same pairs, of other data, and of parts of the data.

    Args:
        pairs: of the data.
        judges: by name; a judge that prefers neither response of a pair has a tie there.
        others: pairs of other data, by name.
        by: a field of the records; each of its values with 30 pairs or more is a part.

    Raises:
        ConfigurationError: no record has the field.
        DataError: a judge prefers neither response in all pairs.
    """
    features = compare_pairs(pairs)
    found = {DATA: _dissected(pairs.pairs, features, pairs.labels)}
    for name, judge in (judges or {}).items():
        found[name] = _dissected(pairs.pairs, features, judged_labels(judge, pairs.pairs))
    for name, other in (others or {}).items():
        found[name] = _dissected(other.pairs, compare_pairs(other), other.labels)
    parts, notes = ({}, []) if by is None else _parts(pairs.pairs, by)
    for name, places in parts.items():
        found[name] = _dissected([pairs.pairs[at] for at in places], features[places], pairs.labels[places])
    return Agents(found, notes)


def judged_labels(judge: Judge, pairs: Sequence[Pair]) -> np.ndarray:
    """[N] 1 where a judge prefers A, 0 where it prefers B, NaN where neither.

    Args:
        judge: compares.
        pairs: N of them.
    """
    tables = compared_all(judge, [each.record for each in pairs], [[each.first, each.second] for each in pairs])
    preferred = np.array([float(table[0, 1]) for table in tables])
    return np.where(preferred > 0.5, 1.0, np.where(preferred < 0.5, 0.0, np.nan))


def _dissected(pairs: Sequence[Pair], features: np.ndarray, labels: np.ndarray) -> Dissection:
    return dissect(list(PROPERTIES), features, labels, [each.group for each in pairs])


def _parts(pairs: Sequence[Pair], by: str) -> tuple[dict[str, list[int]], list[str]]:
    """The places of the pairs by the value of a field, the largest part first; small parts are counted in a note."""
    values = [each.record.fields.get(by) for each in pairs]
    if all(value is None for value in values):
        known = {name for each in pairs for name in each.record.fields}
        raise ConfigurationError(f"No record has the field {by!r}.", where="--by", fix=nearest(by, known))
    counts = Counter(str(value) for value in values if value is not None)
    kept = [value for value, number in counts.most_common() if number >= _LEAST]
    places = {f"{by} {name}": [at for at, value in enumerate(values) if str(value) == name] for name in kept}
    few = len(counts) - len(kept)
    return places, [
        f"{few} of {len(counts)} values of {by} have fewer than {_LEAST} pairs and are left out."
    ] if few else []


def _cell(found: Dissection, place: int) -> str:
    decided = found.low[place] > 0 or found.high[place] < 0
    return f"{found.coefficients[place]:+.2f}{'*' if decided else ''} ({found.factors[place]:+.2f})".replace("-", "−")
