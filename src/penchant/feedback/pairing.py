"""Conversion of rankings to comparisons: which two responses of a ranking are compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, TypeAlias

from penchant.feedback.collection import Feedback
from penchant.feedback.kept import Kept, kept
from penchant.feedback.records import Comparison, Ranking, Record
from penchant.feedback.sources import Sources

__all__ = ["HOW", "How", "Paired", "comparisons_of", "paired", "pairs_of"]

#: How a ranking becomes pairs.
How: TypeAlias = Literal["best_worst", "adjacent", "all", "best_rest"]

#: What each way compares, in words.
HOW: dict[How, str] = {
    "best_worst": "its best against its worst response",
    "adjacent": "pairs of neighbours in its order",
    "all": "all pairs of its responses",
    "best_rest": "its best response against each of the others",
}


@dataclass(frozen=True)
class Paired:
    """Feedback whose rankings became comparisons.

    Args:
        feedback: the comparisons; records of other kinds are unchanged.
        rankings: number of rankings that were read.
        equal: number of rankings that gave no pair, since their scores or the two responses are equal.
    """

    feedback: Feedback
    rankings: int = 0
    equal: int = 0


def paired(feedback: Feedback, how: How = "best_worst") -> Paired:
    """Convert every ranking to comparisons, which keep its source and further fields.

    A comparison gets ``margin``, the difference of the two scores (of the ranks, where there are no scores), and with
    scores ``chosen_score`` and ``rejected_score``. The comparisons of one ranking share its weight equally, so that
    each prompt counts as much as before (as in Ouyang et al., 2022, equation 1).

    Args:
        feedback: rankings; records of other kinds are kept as they are.
        how: ``best_worst``, the best against the worst response; ``adjacent``, every response against those of the
            next lower score; ``all``, every two responses of different scores; ``best_rest``, the best against every
            response of a lower score. Of several best or worst responses the first counts.

    Example:
        >>> from penchant.feedback import read
        >>> ranked = read([{"prompt": "Hi", "completions": ["Hm.", "Hello!", "What?"], "scores": [2, 5, 1]}])
        >>> [(each.chosen, each.rejected, each.fields["margin"]) for each in paired(ranked).feedback]
        [('Hello!', 'What?', 4.0)]
        >>> [(each.chosen, each.rejected, each.fields["weight"]) for each in paired(ranked, "adjacent").feedback]
        [('Hello!', 'Hm.', 0.5), ('Hm.', 'What?', 0.5)]
    """
    if isinstance(feedback, Sources):
        parts = {name: paired(each, how) for name, each in feedback.parts.items()}
        together = Sources({name: each.feedback for name, each in parts.items()}, feedback.weights)
        return Paired(
            together, sum(each.rankings for each in parts.values()), sum(each.equal for each in parts.values())
        )
    records: Kept[Record] = Kept()
    rankings = equal = 0
    for record in feedback:
        if not isinstance(record, Ranking):
            records.append(record)
            continue
        found = comparisons_of(record, how)
        records.extend(found)
        rankings, equal = rankings + 1, equal + (not found)
    if not rankings:
        return Paired(feedback)
    converted = Feedback(
        kept(records), kind=Comparison.kind, name=feedback.name, bad=feedback.bad, origin=feedback.origin
    )
    return Paired(converted, rankings, equal)


def pairs_of(quality: Sequence[float], how: How) -> Iterator[tuple[int, int]]:
    """The places of the better and of the worse response of each pair; equal responses give none.

    Args:
        quality: a number for each response, higher is better.
        how: see `paired`.

    Example:
        >>> list(pairs_of([2, 5, 1], "best_worst")), list(pairs_of([2, 5, 1], "all")), list(pairs_of([3, 3], "all"))
        ([(1, 2)], [(1, 0), (1, 2), (0, 2)], [])
        >>> list(pairs_of([5, 5, 3, 1], "adjacent")), list(pairs_of([5, 5, 3, 1], "best_rest"))
        ([(0, 2), (1, 2), (2, 3)], [(0, 2), (0, 3)])
    """
    levels: dict[float, list[int]] = {}
    for place, value in enumerate(quality):
        levels.setdefault(value, []).append(place)
    ordered = [levels[value] for value in sorted(levels, reverse=True)]
    if len(ordered) < 2:
        return
    if how == "best_worst":
        yield ordered[0][0], ordered[-1][0]
    elif how == "best_rest":
        yield from ((ordered[0][0], worse) for level in ordered[1:] for worse in level)
    elif how == "adjacent":
        yield from ((better, worse) for above, below in pairwise(ordered) for better in above for worse in below)
    else:
        yield from (
            (better, worse)
            for number, above in enumerate(ordered)
            for better in above
            for below in ordered[number + 1 :]
            for worse in below
        )


def comparisons_of(record: Ranking, how: How = "best_worst") -> list[Comparison]:
    """The comparisons of one ranking, see `paired`; none where all responses are equally good.

    Args:
        record: the ranking.
        how: see `paired`.
    """
    quality = record.scores if record.scores is not None else [-rank for rank in record.ranks or ()]
    texts = record.completions
    # A text that stands in a ranking twice, with different scores, is not better than itself.
    places = [(better, worse) for better, worse in pairs_of(quality, how) if texts[better] != texts[worse]]
    return [
        Comparison(
            prompt=record.prompt,
            chosen=texts[better],
            rejected=texts[worse],
            source=record.source,
            fields=_fields(record, quality, better, worse, len(places)),
            tools=record.tools,
            template_arguments=record.template_arguments,
        )
        for better, worse in places
    ]


def _fields(record: Ranking, quality: Sequence[float], better: int, worse: int, pairs: int) -> dict[str, Any]:
    """The further fields of a comparison: the ranking's, those of its two responses, and their scores."""
    fields = {**record.fields, "margin": float(quality[better] - quality[worse])}
    if record.scores is not None:
        fields |= {"chosen_score": record.scores[better], "rejected_score": record.scores[worse]}
    if "completion_fields" in fields:
        fields["completion_fields"] = [fields["completion_fields"][place] for place in (better, worse)]
    weight = fields.get("weight")
    if pairs > 1:
        fields["weight"] = (1.0 if weight is None else float(weight)) / pairs
    return fields
