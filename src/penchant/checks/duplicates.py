"""Checks for duplicates, near duplicates, contradictions, and prompts shared between splits."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, TypeAlias

from penchant.checks.diagnosis import Check, Verdict, share
from penchant.checks.found import Found
from penchant.checks.near import Near
from penchant.feedback.kept import chosen
from penchant.feedback.records import Comparison, JointComparison, Judgement, Ranking, Record, Text
from penchant.rendering.law import REASONING

if TYPE_CHECKING:
    import numpy.typing

    Places: TypeAlias = numpy.typing.NDArray[numpy.int64]

__all__ = ["Opinions", "Prompts", "Repeats", "bare_prompt", "content_key", "exchanges", "near_duplicates", "repeated"]


def content_key(value: Text) -> Hashable:
    """A hashable key of a text or conversation, from its roles and contents, calls of tools and reasoning.

    Example:
        >>> content_key([{"role": "user", "content": "Hi"}])
        (('user', 'Hi'),)
        >>> content_key([{"role": "assistant", "content": "", "reasoning_content": "So."}])
        (('assistant', '', 'reasoning_content', "'So.'"),)
    """
    if not isinstance(value, list):
        return str(value)
    return tuple(map(_turn_key, value))


def _turn_key(turn: Mapping[str, Any]) -> tuple[str, ...]:
    """Role and content, and what else the turn says: reasoning, and calls of tools without their arbitrary ids."""
    said = [(key, repr(turn[key])) for key in REASONING if turn.get(key)]
    for call in turn.get("tool_calls") or ():
        said.append(("call", repr(call.get("function", call) if isinstance(call, dict) else call)))
    return turn["role"], str(turn.get("content")), *(part for each in said for part in each)


def _whole(record: Record) -> Hashable:
    label = record.label if isinstance(record, Judgement) else None
    values = (record.scores, record.ranks) if isinstance(record, Ranking) else None
    return content_key(record.prompt), tuple(exchanges(record)), label, values


def exchanges(record: Record) -> list[Hashable]:
    """A key per response: the response with the prompt that it answers.

    Example:
        >>> exchanges(Comparison(prompt="Hi", chosen="Hello!", rejected="What?"))
        [('Hi', 'Hello!'), ('Hi', 'What?')]
    """
    pairs = zip(record.answered, record.responses, strict=True)
    return [(content_key(prompt), content_key(response)) for prompt, response in pairs]


def repeated(hashes: Sequence[int]) -> Any:
    """For each hash, whether another one is equal, as an array of numpy.

    Args:
        hashes: of `hash`, one for each record.
    """
    import numpy

    _, inverse, counts = numpy.unique(numpy.asarray(hashes, numpy.int64), return_inverse=True, return_counts=True)
    return counts[inverse] > 1


class Repeats:
    """The search for exact duplicates among records that are added one by one; memory holds 8 bytes a record."""

    def __init__(self) -> None:
        self._hashes = array("q")

    def add(self, record: Record) -> None:
        """Add the next record."""
        self._hashes.append(hash(_whole(record)))

    def check(self, records: Sequence[Record]) -> tuple[Check, Places]:
        """The check for exact duplicates, and the indices of the records without them.

        Args:
            records: the records that were added, of which those with an equal hash are compared.
        """
        import numpy

        alike = numpy.flatnonzero(repeated(self._hashes))
        seen: set[Hashable] = set()
        distinct, again = numpy.ones(len(records), bool), Found()
        for at, record in zip(alike, chosen(records, alike), strict=True):
            key = _whole(record)
            if key in seen:
                distinct[at] = False
                again.add(record)
            seen.add(key)
        verdict: Verdict = "warning" if len(again) > 0.01 * len(records) else "note" if again else "ok"
        where = again.places_and_more
        detail = f"Duplicates have more weight in training than other records: {where}." if again else ""
        check = Check("exact duplicates", share(len(again), len(records)), verdict, detail)
        return check, numpy.flatnonzero(distinct)


def near_duplicates(near: Near, records: Sequence[Record], distinct: Places, threshold: float = 0.8) -> Check:
    """The check for near duplicates: word triples with a Jaccard similarity of at least ``threshold``.

    Args:
        near: the records that were added.
        records: the same records.
        distinct: indices of those that are compared.
        threshold: least similarity.
    """
    import numpy

    pairs = numpy.array(near.pairs(threshold, distinct), numpy.int64).reshape(-1, 2)
    if len(pairs):
        # Pairs that were made of one ranking share its prompt and responses.
        of_one, where = numpy.unique(pairs, return_inverse=True)
        origins = array("q", (hash((each.source, content_key(each.prompt))) for each in chosen(records, of_one)))
        one, two = numpy.asarray(origins)[where.reshape(-1, 2)].T
        pairs = pairs[one != two]
    found = [(records[int(before)], records[int(at)]) for at, before in pairs[:3]]
    named = "; ".join(f"{two.source} is similar to {one.source}" for one, two in found)
    verdict: Verdict = "warning" if len(pairs) > 0.05 * len(distinct) else "note" if len(pairs) else "ok"
    return Check("near duplicates", share(len(pairs), len(distinct)), verdict, f"{named}." if found else "")


def _opinions(record: Record) -> Iterator[tuple[Hashable, Any]]:
    """The opinions of a record as (question, answer); different answers to one question are a contradiction."""
    prompt = content_key(record.prompt)
    if isinstance(record, Judgement):
        yield (prompt, content_key(record.completion)), record.label
    elif isinstance(record, Comparison) and record.tie:
        return
    elif isinstance(record, JointComparison):
        yield _preference("joint", *exchanges(record))
    elif isinstance(record, Comparison):
        yield _preference(prompt, content_key(record.chosen), content_key(record.rejected))
    elif isinstance(record, Ranking):
        values = record.scores or tuple(-rank for rank in record.ranks or ())
        for (one, high), (other, low) in combinations(
            zip(map(content_key, record.completions), values, strict=True), 2
        ):
            if high != low and one != other:
                yield _preference(prompt, *((one, other) if high > low else (other, one)))


def _preference(prompt: Hashable, better: Hashable, worse: Hashable) -> tuple[Hashable, Any]:
    in_order = repr(better) < repr(worse)
    return (prompt, *((better, worse) if in_order else (worse, better))), in_order


class Opinions:
    """The search for contradictions among records that are added one by one; memory holds 13 bytes an opinion."""

    def __init__(self) -> None:
        self._questions, self._answers, self._places = array("q"), array("b"), array("I")
        self._count = 0

    def add(self, record: Record) -> None:
        """Add the next record."""
        for question, answer in _opinions(record):
            self._questions.append(hash(question))
            self._answers.append(bool(answer))
            self._places.append(self._count)
        self._count += 1

    def check(self, records: Sequence[Record]) -> Check:
        """The check for records whose preference or label contradicts an earlier record.

        Args:
            records: the records that were added, of which those with both answers to one hash are compared.
        """
        import numpy

        _, inverse = numpy.unique(numpy.asarray(self._questions, numpy.int64), return_inverse=True)
        answers = numpy.asarray(self._answers, bool)
        asked = numpy.bincount(inverse) if len(inverse) else inverse
        good = numpy.bincount(inverse, answers).astype(int) if len(inverse) else inverse
        both = (good > 0) & (good < asked)
        places = numpy.unique(numpy.asarray(self._places, numpy.int64)[both[inverse]])
        against, count = _contradicting(chosen(records, places))
        detail = "; ".join(f"{two} contradicts {one}" for one, two in against)
        return Check(
            "contradictions",
            share(count, self._count),
            "warning" if count else "ok",
            f"{detail}. They cancel each other out in training." if count else "",
        )


def _contradicting(records: Sequence[Record]) -> tuple[list[tuple[str, str]], int]:
    """The places of the first three pairs of records that contradict each other, and the number of pairs."""
    first: dict[Hashable, tuple[Any, str]] = {}
    against: list[tuple[str, str]] = []
    count = 0
    for record in records:
        for question, answer in _opinions(record):
            before, earlier = first.setdefault(question, (answer, str(record.source)))
            if before != answer:
                against += [(earlier, str(record.source))] if count < 3 else []
                count += 1
                break
    return against, count


class Prompts:
    """The search for prompts that occur in more than one split, ignoring case and surrounding white space.

    Memory holds 8 bytes a record.
    """

    def __init__(self) -> None:
        self._hashes: dict[str, array[int]] = defaultdict(lambda: array("q"))

    def add(self, split: str, record: Record) -> None:
        """Add the next record of a split."""
        self._hashes[split].append(hash(bare_prompt(record.prompt)))

    def check(self, parts: dict[str, Sequence[Record]]) -> Check:
        """The check for shared prompts.

        Args:
            parts: the records of each split that was added; shared prompts are reported for all but the first.
        """
        import numpy

        hashes = {split: numpy.asarray(self._hashes[split], numpy.int64) for split in parts}
        every, counts = numpy.unique(
            numpy.concatenate([numpy.unique(own) for own in hashes.values()]), return_counts=True
        )
        shared, inside = every[counts > 1], Found()
        for split, records in list(parts.items())[1:]:
            places = numpy.flatnonzero(numpy.isin(hashes[split], shared))
            for record in chosen(records, places):
                inside.add(record)
        names = " and ".join(parts) if len(parts) == 2 else ", ".join(parts)
        detail = f"Between {names}: {inside.places_and_more}. Metrics on them measure memorization, not generalization."
        return Check(
            "prompts shared between splits",
            share(len(shared), len(every)),
            "warning" if len(shared) else "ok",
            detail if len(shared) else f"Splits: {names}.",
        )


def bare_prompt(prompt: Text) -> Hashable:
    """A hashable key of a prompt that ignores case and surrounding white space."""
    if isinstance(prompt, str):
        return prompt.strip().lower()
    return tuple((turn["role"], str(turn.get("content")).strip().lower()) for turn in prompt)
