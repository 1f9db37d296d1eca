"""Checks for duplicates, near duplicates, contradictions, and prompts shared between splits."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, TypeAlias

from penchant.checks.diagnosis import Check, Verdict, share
from penchant.checks.words import words_of
from penchant.feedback.records import Comparison, JointComparison, Judgement, Ranking, Record, Text, as_text

if TYPE_CHECKING:
    import numpy.typing

    Numbers: TypeAlias = numpy.typing.NDArray[numpy.uint64]

__all__ = [
    "bare_prompt",
    "content_key",
    "contradictions",
    "duplicates",
    "exchanges",
    "leaks",
    "near_duplicates",
    "near_pairs",
]

_PERMUTATIONS, _BANDS = 64, 16
# Records that share a template would fill a bucket with thousands; a few of them represent the rest.
_BUCKET = 32
_PRIME = (1 << 31) - 1
_BASE = 1_000_003


def content_key(value: Text) -> Hashable:
    """A hashable key of a text or conversation, from its roles and contents.

    Example:
        >>> content_key([{"role": "user", "content": "Hi"}])
        (('user', 'Hi'),)
    """
    if not isinstance(value, list):
        return str(value)
    return tuple((turn["role"], str(turn.get("content"))) for turn in value)


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


def _texts(record: Record) -> tuple[Text, ...]:
    """Prompts and responses, each prompt once."""
    return (*(record.answered if isinstance(record, JointComparison) else (record.prompt,)), *record.responses)


def _places(records: Iterable[Record], limit: int = 3) -> str:
    found = [str(record.source) for record in records]
    return ", ".join(found[:limit]) + (f" and {len(found) - limit} more" if len(found) > limit else "")


def duplicates(records: Sequence[Record]) -> tuple[Check, list[Record]]:
    """The check for exact duplicates, and the records without them."""
    seen: set[Hashable] = set()
    first: list[Record] = []
    repeated: list[Record] = []
    for record in records:
        key = _whole(record)
        (repeated if key in seen else first).append(record)
        seen.add(key)
    verdict: Verdict = "warning" if len(repeated) > 0.01 * len(records) else "note" if repeated else "ok"
    detail = f"Duplicates have more weight in training than other records: {_places(repeated)}." if repeated else ""
    return Check("exact duplicates", share(len(repeated), len(records)), verdict, detail), first


def near_duplicates(records: Sequence[Record], threshold: float = 0.8) -> Check:
    """The check for near duplicates: word triples with a Jaccard similarity of at least ``threshold``."""
    every = ((records[before], records[at]) for at, before in near_pairs(records, threshold))
    # Pairs that were made of one ranking share its prompt and responses.
    found = [(one, two) for one, two in every if (one.source, one.prompt) != (two.source, two.prompt)]
    pairs = "; ".join(f"{two.source} is similar to {one.source}" for one, two in found[:3])
    verdict: Verdict = "warning" if len(found) > 0.05 * len(records) else "note" if found else "ok"
    return Check("near duplicates", share(len(found), len(records)), verdict, f"{pairs}." if found else "")


def near_pairs(records: Sequence[Record], threshold: float = 0.8) -> list[tuple[int, int]]:
    """Indices of records that nearly repeat an earlier one, each with that one.

    Candidates come from MinHash with banding (Broder, 1997), so time grows linearly with the number of records; each
    candidate is then compared exactly. The result is deterministic.

    Args:
        records: the records.
        threshold: least Jaccard similarity of the sets of word triples.
    """
    hashes: dict[str, int] = {}
    shingles = [_shingles("\n".join(map(as_text, _texts(record))), hashes) for record in records]
    found: list[tuple[int, int]] = []
    buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for at, (own, bands) in enumerate(zip(shingles, _signatures(shingles), strict=True)):
        candidates = dict.fromkeys(other for band in bands for other in buckets[band])
        close = next((other for other in candidates if _jaccard(own, shingles[other]) >= threshold), None)
        if close is not None:
            found.append((at, close))
            continue
        for band in bands:
            if len(buckets[band]) < _BUCKET:
                buckets[band].append(at)
    return found


def _shingles(text: str, hashes: dict[str, int]) -> Numbers:
    """The hashes of the word triples of a text, each once; a shorter text is one."""
    import numpy

    found = []
    for word in words_of(text):
        number = hashes.get(word)
        if number is None:
            number = hashes[word] = zlib.crc32(word.encode("utf-8", "surrogatepass")) % _PRIME
        found.append(number)
    words = numpy.array([*found, *([0] * (3 - len(found)))], numpy.uint64)
    prime = numpy.uint64(_PRIME)
    runs = words[:-2]
    for following in (words[1:-1], words[2:]):
        # Below 2^62, so that the product fits.
        runs = (runs * numpy.uint64(_BASE) + following) % prime
    return numpy.unique(runs)


def _signatures(shingles: Sequence[Numbers]) -> Iterator[list[tuple[int, bytes]]]:
    import numpy

    random = numpy.random.default_rng(0)
    factor = random.integers(1, _PRIME, size=(_PERMUTATIONS, 1), dtype=numpy.uint64)
    offset = random.integers(0, _PRIME, size=(_PERMUTATIONS, 1), dtype=numpy.uint64)
    for own in shingles:
        least = ((factor * own + offset) % numpy.uint64(_PRIME)).min(axis=1)
        yield [(band, part.tobytes()) for band, part in enumerate(numpy.split(least, _BANDS))]


def _jaccard(one: Numbers, other: Numbers) -> float:
    import numpy

    shared = len(numpy.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)


def _opinions(record: Record) -> Iterator[tuple[Hashable, Any]]:
    """The opinions of a record as (question, answer); different answers to one question are a contradiction."""
    prompt = content_key(record.prompt)
    if isinstance(record, Judgement):
        yield (prompt, content_key(record.completion)), record.label
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


def contradictions(records: Sequence[Record]) -> Check:
    """The check for records whose preference or label contradicts an earlier record."""
    first: dict[Hashable, tuple[Any, Record]] = {}
    against: list[tuple[Record, Record]] = []
    for record in records:
        for question, answer in _opinions(record):
            before, earlier = first.setdefault(question, (answer, record))
            if before != answer:
                against.append((earlier, record))
                break
    detail = "; ".join(f"{two.source} contradicts {one.source}" for one, two in against[:3])
    return Check(
        "contradictions",
        share(len(against), len(records)),
        "warning" if against else "ok",
        f"{detail}. They cancel each other out in training." if against else "",
    )


def leaks(parts: dict[str, Sequence[Record]]) -> Check:
    """The check for prompts that occur in more than one split, ignoring case and surrounding white space."""
    where: dict[Hashable, set[str]] = defaultdict(set)
    for split, records in parts.items():
        for record in records:
            where[bare_prompt(record.prompt)].add(split)
    shared = {prompt for prompt, splits in where.items() if len(splits) > 1}
    inside = [
        record for records in list(parts.values())[1:] for record in records if bare_prompt(record.prompt) in shared
    ]
    names = " and ".join(parts) if len(parts) == 2 else ", ".join(parts)
    detail = f"Between {names}: {_places(inside)}. Metrics on them measure memorization, not generalization."
    return Check(
        "prompts shared between splits",
        share(len(shared), len(where)),
        "warning" if shared else "ok",
        detail if shared else f"Splits: {names}.",
    )


def bare_prompt(prompt: Text) -> Hashable:
    """A hashable key of a prompt that ignores case and surrounding white space."""
    if isinstance(prompt, str):
        return prompt.strip().lower()
    return tuple((turn["role"], str(turn.get("content")).strip().lower()) for turn in prompt)
