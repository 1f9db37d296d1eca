"""`by_subset`: how often a judge ranks the preferred response first, by the value of a field and by sections of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from penchant.documents import yaml_document
from penchant.errors import ConfigurationError, DataError
from penchant.evaluation.judges.reward_bench import COUNTS, SECTIONS, overall_score, section_scores, ties_score
from penchant.feedback.records import Comparison, JointComparison, Ranking, Record
from penchant.plain_files import readable_text
from penchant.statistics import Interval, share_interval

__all__ = ["REWARD_BENCH", "Subsets", "by_subset", "first_is_best", "read_sections"]

#: The name of the sections and weights of RewardBench.
REWARD_BENCH = "reward-bench"
#: The subset of RewardBench 2 whose prompts have several right responses, and which has a score of its own.
TIES = "Ties"


@dataclass(frozen=True)
class Subsets:
    """Ranking accuracy of a judge.

    Args:
        accuracy: by subset, with its 95 % interval, in the order of the records.
        records: by subset, how many the judge could rank.
        unread: by subset, how many it could not.
        sections: by section, the mean of its subsets, each weighing as its records do.
        overall: the plain mean of the sections; None without sections.
        ties: RewardBench 2's score of its subset ``Ties``; None without that subset.
    """

    accuracy: dict[str, Interval]
    records: dict[str, int]
    unread: dict[str, int]
    sections: dict[str, float] = field(default_factory=dict)
    overall: float | None = None
    ties: float | None = None


def by_subset(
    records: Sequence[Record],
    scores: Sequence[Sequence[float]],
    name: str,
    sections: Mapping[str, Sequence[str]] | None = None,
) -> Subsets:
    """Ranking accuracy by the value of a field.

    Args:
        records: comparisons or rankings.
        scores: a judge's, one number for each response of each record; NaN where it has none.
        name: of the field; records without it form the subset ``none``.
        sections: the subsets of each section; one that no record has is left out. Those of RewardBench weigh as there:
            mathematics counts 984 pairs, as many as code.

    Raises:
        DataError: there are no such records, none has the field, or the judge ranks none.

    Example:
        >>> from penchant.feedback import read
        >>> rows = [{"prompt": "p", "chosen": "a", "rejected": "b", "subset": "hep-go"}] * 2
        >>> found = by_subset(read(rows), [[1.0, 0.0], [0.0, 1.0]], "subset", SECTIONS)
        >>> found.accuracy["hep-go"].value, found.sections
        (0.5, {'Reasoning': 0.5})
    """
    values: dict[str, list[float]] = {}
    unread: dict[str, int] = {}
    for record, own in zip(records, scores, strict=True):
        subset, wins = str(record.fields.get(name, "none")), first_is_best(record, own)
        unread[subset] = unread.get(subset, 0) + math.isnan(wins)
        values.setdefault(subset, []).extend([] if math.isnan(wins) else [wins])
    if set(values) == {"none"} and not any(name in each.fields for each in records):
        raise DataError(
            f"No record has the field {name!r}.", where="--by", fix=f"Known: {_known(records)}. Rename with --map."
        )
    counts = {subset: len(wins) for subset, wins in values.items() if wins}
    if not counts:
        raise DataError("The judge ranks none of the records.", fix="Look at the scores that it writes.")
    accuracy = {subset: share_interval(fmean(values[subset]), count) for subset, count in counts.items()}
    present = {
        section: [each for each in subsets if each in counts]
        for section, subsets in (sections or {}).items()
        if any(each in counts for each in subsets)
    }
    weights = counts | {each: COUNTS[each] for each in counts if sections is SECTIONS and each in COUNTS}
    found = section_scores({subset: each.value for subset, each in accuracy.items()}, weights, present)
    return Subsets(
        accuracy, counts, unread, found, overall_score(found) if found else None, _ties(records, scores, name)
    )


def first_is_best(record: Record, scores: Sequence[float]) -> float:
    """Whether a judge ranks the preferred response first: 1 or 0, NaN where it cannot say.

    Of a comparison, equal scores count 0, as in RewardBench; one without a preference says nothing. Of a ranking, each
    of the best must be strictly above all others; one in which all are equally good says nothing.

    Raises:
        DataError: the record is neither.
    """
    if any(math.isnan(each) for each in scores):
        return math.nan
    if isinstance(record, Comparison | JointComparison):
        return math.nan if record.tie else float(scores[0] > scores[1])
    if not isinstance(record, Ranking):
        raise DataError(
            f"A {record.kind} prefers no response.", where=str(record.source), fix="Give comparisons or rankings."
        )
    right, wrong = _sides(record, scores)
    return float(min(right) > max(wrong)) if wrong else math.nan


def read_sections(name: str) -> Mapping[str, Sequence[str]]:
    """The sections that an option names.

    Args:
        name: ``reward-bench``, or a YAML file with the list of subsets of each section.

    Raises:
        ConfigurationError: it is neither.
    """
    if name == REWARD_BENCH:
        return SECTIONS
    if not name.endswith((".yaml", ".yml")):
        raise ConfigurationError(
            f"There are no sections {name!r}.", where="--sections", fix=f"Give {REWARD_BENCH}, or a YAML file."
        )
    found = yaml_document(readable_text(Path(name), ConfigurationError, "--sections"), name)
    if not isinstance(found, dict) or not all(isinstance(each, list) and each for each in found.values()):
        raise ConfigurationError(
            "The file has no sections.", where=name, fix="Write a list for each section: code: [python, rust]."
        )
    return {str(section): [str(each) for each in subsets] for section, subsets in found.items()}


def _sides(record: Ranking, scores: Sequence[float]) -> tuple[list[float], list[float]]:
    """The scores of the best responses of a ranking, and those of the others."""
    order: Sequence[Any] = record.ranks if record.ranks is not None else [-each for each in record.scores or ()]
    best = min(order)
    sides: tuple[list[float], list[float]] = [], []
    for place, score in zip(order, scores, strict=True):
        sides[place != best].append(score)
    return sides


def _ties(records: Sequence[Record], scores: Sequence[Sequence[float]], name: str) -> float | None:
    """The score of RewardBench 2's subset of ties, whose ids are ``tied:NAME`` and ``ref:NAME``."""
    samples = []
    for record, own in zip(records, scores, strict=True):
        named = str(record.fields.get("id", "")).partition(":")[0] in ("tied", "ref")
        if record.fields.get(name) != TIES or not named or not isinstance(record, Ranking):
            continue
        right, wrong = _sides(record, own)
        if wrong and not any(math.isnan(each) for each in own):
            samples.append({"id": record.fields["id"], "scores": [*right, *wrong], "num_correct": len(right)})
    return ties_score(samples)[0] if samples else None


def _known(records: Iterable[Record]) -> str:
    return ", ".join(sorted({name for record in records for name in record.fields})[:10]) or "none"
