"""Conversion of judgements to comparisons: desirable against undesirable responses to one prompt."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

from penchant.feedback.collection import Feedback
from penchant.feedback.pairing import How, pairs_of
from penchant.feedback.records import Comparison, JointComparison, Judgement, Record
from penchant.feedback.sources import Sources

__all__ = ["Compared", "compared_judgements"]


@dataclass(frozen=True)
class Compared:
    """Feedback whose judgements became comparisons.

    Args:
        feedback: the comparisons; feedback of other kinds is unchanged.
        judgements: number of judgements that were read.
        left: number of them that stand in no comparison, since their prompt has no response of the other label left.
    """

    feedback: Feedback
    judgements: int = 0
    left: int = 0


def compared_judgements(feedback: Feedback, how: How = "best_worst") -> Compared:
    """Convert judgements to comparisons of a desirable with an undesirable response to one prompt.

    The inverse of `penchant.feedback.unpairing.unpaired`: judgements that were made of comparisons become these
    comparisons again, in their order, whatever prompts they share. A comparison keeps the source of its first judgement
    and the fields in which both agree.

    Args:
        feedback: judgements; feedback of other kinds is kept as it is.
        how: ``best_worst``, each response at most once: those of one row of the data first, then in the order of the
            data; all other ways compare every desirable with every undesirable response of a prompt (``best_rest``: the
            first desirable one), with weights that sum to those of the pairs that ``best_worst`` finds.

    Example:
        >>> from penchant.feedback import read
        >>> rows = [{"prompt": "Hi", "completion": text, "label": text == "Hello!"} for text in ("No.", "Hello!", "?")]
        >>> made = compared_judgements(read(rows))
        >>> [(each.chosen, each.rejected) for each in made.feedback], made.left
        ([('Hello!', 'No.')], 1)
    """
    if isinstance(feedback, Sources):
        parts = {name: compared_judgements(each, how) for name, each in feedback.parts.items()}
        together = Sources({name: each.feedback for name, each in parts.items()}, feedback.weights)
        return Compared(together, *(sum(getattr(each, name) for each in parts.values()) for name in _COUNTS))
    judged = [record for record in feedback if isinstance(record, Judgement)]
    if not judged or len(judged) != len(feedback):
        return Compared(feedback)
    pairs = sorted(_one_to_one(judged) if how == "best_worst" else _crossed(judged, how))
    shares: dict[int, int] = defaultdict(int)
    for pair in pairs:
        for place in pair:
            shares[place] += 1
    records: list[Record] = [_comparison(judged, pair, shares) for pair in pairs]
    made = Feedback(records, kind=Comparison.kind, name=feedback.name, bad=feedback.bad, origin=feedback.origin)
    return Compared(made, len(judged), len(judged) - len(shares))


_COUNTS = ("judgements", "left")
#: Places of a desirable and of an undesirable judgement.
Pair = tuple[int, int]


def _one_to_one(judged: list[Judgement]) -> Iterator[Pair]:
    """Pairs in which every judgement stands at most once: first of one row, then of one prompt."""
    free = set(range(len(judged)))
    # The two judgements of a joint comparison share a row and not a prompt.
    for keys in ([_row(each) for each in judged], [_question(each) for each in judged]):
        by_key: dict[Hashable, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
        for place in sorted(free):
            by_key[keys[place]][0 if judged[place].label else 1].append(place)
        for good, bad in by_key.values():
            for pair in zip(good, bad, strict=False):
                if judged[pair[0]].completion != judged[pair[1]].completion or _apart(judged, pair):
                    free -= set(pair)
                    yield pair


def _crossed(judged: list[Judgement], how: How) -> Iterator[Pair]:
    """Pairs of the judgements of each prompt, as those of a ranking with two levels."""
    by_prompt: dict[Hashable, list[int]] = defaultdict(list)
    for place, record in enumerate(judged):
        by_prompt[_question(record)].append(place)
    for places in by_prompt.values():
        for better, worse in pairs_of([float(judged[place].label) for place in places], how):
            pair = places[better], places[worse]
            if judged[pair[0]].completion != judged[pair[1]].completion:
                yield pair


def _row(record: Judgement) -> Hashable:
    """The row of the data; a row of a pair supplied both of its judgements."""
    return record.source.file, record.source.line, id(record.fields)


def _question(record: Judgement) -> Hashable:
    """The prompt with everything that the template shows beside it."""
    shown = (record.prompt, record.tools, record.template_arguments)
    return json.dumps(shown, sort_keys=True, ensure_ascii=False, default=str)


def _apart(judged: list[Judgement], pair: Pair) -> bool:
    return _question(judged[pair[0]]) != _question(judged[pair[1]])


def _comparison(judged: list[Judgement], pair: Pair, shares: dict[int, int]) -> Comparison:
    good, bad = (judged[place] for place in pair)
    common: dict[str, Any] = {
        "prompt": good.prompt,
        "chosen": good.completion,
        "rejected": bad.completion,
        "source": judged[min(pair)].source,
        "fields": _fields(good, bad, max(shares[place] for place in pair)),
        "tools": good.tools,
        "template_arguments": good.template_arguments,
    }
    return JointComparison(**common, rejected_prompt=bad.prompt) if _apart(judged, pair) else Comparison(**common)


def _fields(good: Judgement, bad: Judgement, pairs: int) -> dict[str, Any]:
    """The fields in which both judgements agree, and the mean of their weights."""
    absent = object()
    fields = {name: value for name, value in good.fields.items() if bad.fields.get(name, absent) == value}
    weights = [record.fields.get("weight") for record in (good, bad)]
    if pairs > 1 or any(weight is not None for weight in weights):
        fields["weight"] = sum(1.0 if weight is None else float(weight) for weight in weights) / 2 / pairs
    return fields
