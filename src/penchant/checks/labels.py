"""Checks of labels: empty or identical responses, class balance, annotator agreement, length bias."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from itertools import combinations
from typing import Any

from penchant.checks.diagnosis import Check, Verdict, share
from penchant.checks.duplicates import content_key, exchanges
from penchant.feedback.passages import Passage
from penchant.feedback.records import Comparison, Judgement, Ranking, Record
from penchant.statistics import Interval, area_interval, share_interval

__all__ = ["agreement", "balance", "length_bias", "responses_check"]


def responses_check(records: Sequence[Record]) -> Check:
    """The check for empty responses, and for records whose responses are identical."""
    from penchant.feedback.validation import has_words

    empty = [record for record in records if not all(map(has_words, record.responses))]
    # In a joint comparison, one response to two prompts is not a repetition.
    several = [(record, _distinct(record)) for record in records if len(record.responses) > 1]
    same = [record for record, distinct in several if distinct == 1]
    repeated = [record for record, distinct in several if 1 < distinct < len(record.responses)]
    value = f"{len(empty)} empty, {len(same)} identical"
    if empty or same:
        places = ", ".join(str(record.source) for record in (empty + same)[:3])
        return Check("responses", value, "error", f"{places}. They carry no signal: remove the records.")
    if repeated:
        places = ", ".join(str(record.source) for record in repeated[:3])
        detail = f"{len(repeated)} rankings contain a completion twice: {places}."
        return Check("responses", value, "note", detail)
    return Check("responses", value)


def _distinct(record: Record) -> int:
    """The number of different responses; items of one answer have one text, and differ in their characters."""
    items = all(isinstance(each, Passage) for each in record.responses)
    return len(set(record.responses)) if items else len(set(exchanges(record)))  # type: ignore[arg-type]


def balance(records: Sequence[Record]) -> list[Check]:
    """The share of desirable labels (judgements), or of rankings in which all responses are tied."""
    if isinstance(records[0], Judgement):
        good = sum(isinstance(record, Judgement) and record.label for record in records)
        part = good / len(records)
        verdict: Verdict = "warning" if not 0.05 <= part <= 0.95 else "note" if not 0.2 <= part <= 0.8 else "ok"
        detail = "" if verdict == "ok" else "Weight the classes so that the rarer one has an effect."
        if good in (0, len(records)):
            detail = "All labels are alike, so nothing tells good from bad. Check which column is the label."
        return [Check("label balance", f"{100 * part:.1f} % desirable", verdict, detail)]
    if isinstance(records[0], Ranking):
        flat = sum(
            isinstance(record, Ranking) and len(set(record.scores or record.ranks or ())) == 1 for record in records
        )
        detail = "A ranking of ties contains no preference; methods that compare responses skip it." if flat else ""
        return [Check("rankings of equals", share(flat, len(records)), "note" if flat else "ok", detail)]
    return []


def agreement(records: Sequence[Record]) -> list[Check]:
    """Agreement of annotators: the percentage of pairs of opinions on one item that agree."""
    if not any("annotator" in record.fields for record in records):
        return []
    opinions: dict[Hashable, dict[str, Any]] = defaultdict(dict)
    for record in records:
        annotator = record.fields.get("annotator")
        if annotator is None:
            continue
        if isinstance(record, Judgement):
            opinions[content_key(record.prompt), content_key(record.completion)][str(annotator)] = record.label
        elif isinstance(record, Comparison):
            better, worse = exchanges(record)
            opinions[frozenset((better, worse))][str(annotator)] = better
    several = [by for by in opinions.values() if len(by) > 1]
    pairs = [one == other for by in several for one, other in combinations(by.values(), 2)]
    annotators = {str(record.fields["annotator"]) for record in records if "annotator" in record.fields}
    if not pairs:
        return [Check("annotator agreement", f"{len(annotators)} annotators", "ok", "No item has two annotators.")]
    agreed = share_interval(sum(pairs) / len(pairs), len(pairs))
    detail = (
        f"{len(several)} items with several of {len(annotators)} annotators; 95 % interval {agreed.low:.0%} to "
        f"{agreed.high:.0%}."
    )
    verdict: Verdict = "warning" if agreed.value < 0.6 else "ok"
    return [Check("annotator agreement", f"{100 * agreed.value:.1f} %", verdict, detail)]


def length_bias(records: Sequence[Record], lengths: Sequence[Sequence[int]]) -> list[Check]:
    """Length bias: the share of pairs in which the better response is longer, with its 95 % interval.

    Pairs are chosen and rejected of a comparison; best and worst of a ranking; each desirable with each undesirable
    judgement (the share is then the area under the ROC curve, with the interval of Hanley and McNeil, 1982).

    Args:
        records: the records.
        lengths: for each record, the length of each response.
    """
    if isinstance(records[0], Judgement):
        found = _bias_of_labels(records, lengths)
    else:
        pairs = [pair for pair in map(_best_and_worst, records, lengths) if pair and pair[0] != pair[1]]
        longer = sum(best > worst for best, worst in pairs)
        found = share_interval(longer / len(pairs), len(pairs)) if pairs else None
    if found is None:
        return []
    part, low, high = found.value, found.low, found.high
    verdict: Verdict = "warning" if low > 0.6 or high < 0.4 else "note" if low > 0.5 or high < 0.5 else "ok"
    tendency = "longer" if part > 0.5 else "shorter"
    detail = f"95 % interval {low:.1%} to {high:.1%}, ties excluded."
    if verdict != "ok":
        detail += f" A model can learn to give {tendency} answers instead of better ones."
    return [Check("better response is longer", f"{100 * part:.1f} %", verdict, detail)]


def _best_and_worst(record: Record, lengths: Sequence[int]) -> tuple[int, int] | None:
    if isinstance(record, Comparison):
        return lengths[0], lengths[1]
    if isinstance(record, Ranking):
        values = record.scores or tuple(-rank for rank in record.ranks or ())
        best, worst = max(values), min(values)
        return (lengths[values.index(best)], lengths[values.index(worst)]) if best != worst else None
    return None


def _bias_of_labels(records: Sequence[Record], lengths: Sequence[Sequence[int]]) -> Interval | None:
    of_label: dict[bool, list[int]] = {True: [], False: []}
    for record, own in zip(records, lengths, strict=True):
        if isinstance(record, Judgement):
            of_label[record.label].append(own[0])
    good, bad = of_label[True], of_label[False]
    return area_interval(good, bad) if good and bad else None
