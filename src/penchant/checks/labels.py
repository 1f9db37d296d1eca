"""Checks of labels: empty or identical responses, class balance, annotator agreement, length bias."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Hashable, Sequence
from itertools import combinations
from typing import Any

from penchant.checks.diagnosis import Check, Verdict, share
from penchant.checks.duplicates import content_key, exchanges, repeated
from penchant.checks.found import Found
from penchant.feedback.kept import chosen
from penchant.feedback.passages import Passage
from penchant.feedback.records import Comparison, Judgement, Ranking, Record
from penchant.feedback.validation import has_words
from penchant.statistics import area_interval, share_interval

__all__ = ["Agreement", "Balance", "LengthBias", "PromptOverlap", "Responses"]


class Responses:
    """The check for empty responses, and for records whose responses are identical."""

    def __init__(self) -> None:
        self._empty, self._same, self._repeated = Found(), Found(), Found()

    def add(self, record: Record) -> None:
        """Look at the next record."""
        responses = record.responses
        if not all(map(has_words, responses)):
            self._empty.add(record)
        if len(responses) > 1:
            # In a joint comparison, one response to two prompts is not a repetition.
            distinct = _distinct(record)
            if distinct == 1:
                self._same.add(record)
            elif distinct < len(responses):
                self._repeated.add(record)

    def check(self) -> Check:
        """What was found."""
        value = f"{len(self._empty)} empty, {len(self._same)} identical"
        if bad := self._empty + self._same:
            return Check("responses", value, "error", f"{bad.places}. They carry no signal: remove the records.")
        if self._repeated:
            detail = f"{len(self._repeated)} rankings contain a completion twice: {self._repeated.places}."
            return Check("responses", value, "note", detail)
        return Check("responses", value)


def _distinct(record: Record) -> int:
    """The number of different responses; items of one answer have one text, and differ in their characters."""
    items = all(isinstance(each, Passage) for each in record.responses)
    return len(set(record.responses)) if items else len(set(exchanges(record)))  # type: ignore[arg-type]


class Balance:
    """The share of desirable labels (judgements), or of rankings in which all responses are tied."""

    def __init__(self) -> None:
        self._first: Record | None = None
        self._total = self._good = self._flat = 0

    def add(self, record: Record) -> None:
        """Look at the next record."""
        self._first, self._total = self._first or record, self._total + 1
        if isinstance(record, Judgement):
            self._good += record.label
        elif isinstance(record, Ranking):
            self._flat += len(set(record.scores or record.ranks or ())) == 1

    def checks(self) -> list[Check]:
        """What was found."""
        if isinstance(self._first, Judgement):
            return [_label_balance(self._good, self._total - self._good)]
        if isinstance(self._first, Ranking):
            flat = self._flat
            detail = "A ranking of ties contains no preference; methods that compare responses skip it." if flat else ""
            return [Check("rankings of equals", share(flat, self._total), "note" if flat else "ok", detail)]
        return []


def _label_balance(good: int, bad: int) -> Check:
    """The counts of both labels, with the weight that balances them for KTO and its relatives."""
    # Imported here: it brings PyTorch along, which no other check needs.
    from penchant.objectives.functional.class_weights import balancing_weights

    part = good / (good + bad)
    value, counts = f"{100 * part:.1f} % desirable", f"{good:,} desirable, {bad:,} undesirable."
    if not (good and bad):
        only = "desirable: imitate them (nll)" if good else "undesirable: d2o learns from these alone"
        detail = (
            f"All labels are alike, so nothing tells good from bad. Check which column is the label. All are {only}."
        )
        return Check("label balance", value, "warning", detail)
    verdict: Verdict = "warning" if not 0.05 <= part <= 0.95 else "note" if not 0.2 <= part <= 0.8 else "ok"
    liked, disliked = balancing_weights((good, bad), "auto", "auto")
    if liked == disliked:
        return Check("label balance", value, verdict, counts)
    name, weight = ("desirable_weight", liked) if liked != 1.0 else ("undesirable_weight", disliked)
    detail = f"{counts} {name}={weight:.3g} balances them for kto, kto-halos and apo-zero-unpaired (or: {name}=auto)."
    return Check("label balance", value, verdict, detail)


class PromptOverlap:
    """How many prompts have judgements of both labels: without any, prompts alone may tell the labels apart.

    Prompts are told apart by hashes.
    """

    def __init__(self) -> None:
        self._of_label = {True: array("q"), False: array("q")}

    def add(self, record: Record) -> None:
        """Look at the next record."""
        if isinstance(record, Judgement):
            self._of_label[bool(record.label)].append(hash(content_key(record.prompt)))

    def checks(self) -> list[Check]:
        """What was found."""
        if not all(self._of_label.values()):
            return []
        import numpy

        good, bad = (numpy.unique(numpy.asarray(each, numpy.int64)) for each in self._of_label.values())
        both = len(numpy.intersect1d(good, bad, assume_unique=True))
        detail = ""
        if not both:
            detail = (
                "Liked and disliked responses answer different prompts. If the prompts differ in kind, see "
                "`penchant data build density-ratio` for bco; no pairs can be made of these records."
            )
        of_all = share(both, len(good) + len(bad) - both)
        return [Check("prompts with both labels", of_all, "ok" if both else "note", detail)]


class Agreement:
    """Agreement of annotators: the percentage of pairs of opinions on one item that agree."""

    def __init__(self) -> None:
        self._named = False
        self._annotators: set[str] = set()
        self._items, self._places = array("q"), array("I")

    def add(self, record: Record, at: int) -> None:
        """Look at the record of an index."""
        if "annotator" not in record.fields:
            return
        self._named = True
        self._annotators.add(str(record.fields["annotator"]))
        if (opinion := _opinion(record)) is not None:
            self._items.append(hash(opinion[0]))
            self._places.append(at)

    def checks(self, records: Sequence[Record]) -> list[Check]:
        """What was found.

        Args:
            records: the records, of which those about one item are compared.
        """
        if not self._named:
            return []
        import numpy

        places = numpy.asarray(self._places, numpy.int64)[repeated(self._items)]
        opinions: dict[Hashable, dict[str, Any]] = defaultdict(dict)
        for record in chosen(records, places):
            if (opinion := _opinion(record)) is not None:
                opinions[opinion[0]][str(record.fields["annotator"])] = opinion[1]
        several = [by for by in opinions.values() if len(by) > 1]
        pairs = [one == other for by in several for one, other in combinations(by.values(), 2)]
        count = len(self._annotators)
        if not pairs:
            return [Check("annotator agreement", f"{count} annotators", "ok", "No item has two annotators.")]
        agreed = share_interval(sum(pairs) / len(pairs), len(pairs))
        detail = (
            f"{len(several)} items with several of {count} annotators; 95 % interval {agreed.low:.0%} to "
            f"{agreed.high:.0%}."
        )
        verdict: Verdict = "warning" if agreed.value < 0.6 else "ok"
        return [Check("annotator agreement", f"{100 * agreed.value:.1f} %", verdict, detail)]


def _opinion(record: Record) -> tuple[Hashable, Any] | None:
    """The item that an annotated record is about, and what its annotator says of it."""
    if record.fields.get("annotator") is None:
        return None
    if isinstance(record, Judgement):
        return (content_key(record.prompt), content_key(record.completion)), record.label
    if isinstance(record, Comparison):
        better, worse = exchanges(record)
        return frozenset((better, worse)), None if record.tie else better
    return None


class LengthBias:
    """Length bias: the share of pairs in which the better response is longer, with its 95 % interval.

    Pairs are chosen and rejected of a comparison; best and worst of a ranking; each desirable with each undesirable
    judgement (the share is then the area under the ROC curve, with the interval of Hanley and McNeil, 1982).
    """

    def __init__(self) -> None:
        self._first: Record | None = None
        self._longer = self._pairs = 0
        self._of_label = {True: array("Q"), False: array("Q")}

    def add(self, record: Record, lengths: Sequence[int]) -> None:
        """Look at the next record.

        Args:
            record: the record.
            lengths: the length of each response.
        """
        self._first = self._first or record
        if isinstance(record, Judgement):
            self._of_label[record.label].append(lengths[0])
        elif (pair := _best_and_worst(record, lengths)) and pair[0] != pair[1]:
            self._pairs += 1
            self._longer += pair[0] > pair[1]

    def checks(self) -> list[Check]:
        """What was found."""
        if isinstance(self._first, Judgement):
            good, bad = self._of_label[True], self._of_label[False]
            found = area_interval(good, bad) if good and bad else None
        else:
            found = share_interval(self._longer / self._pairs, self._pairs) if self._pairs else None
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
        return None if record.tie else (lengths[0], lengths[1])
    if isinstance(record, Ranking):
        values = record.scores or tuple(-rank for rank in record.ranks or ())
        best, worst = max(values), min(values)
        return (lengths[values.index(best)], lengths[values.index(worst)]) if best != worst else None
    return None
