"""Ties, comparisons in which neither response is preferred: left out, or beside pairs that count as decided."""

from __future__ import annotations

from dataclasses import replace

from penchant.errors import DataError
from penchant.feedback.collection import Feedback
from penchant.feedback.kept import Kept, kept
from penchant.feedback.records import Comparison, Record

__all__ = ["AllTiesError", "all_ties", "decided", "is_tie", "without_ties"]


class AllTiesError(DataError):
    """Data consist of ties alone, where ties are left out."""


def is_tie(record: Record) -> bool:
    """Whether a record is a comparison in which neither response is preferred.

    Example:
        >>> is_tie(Comparison(prompt="Hi", chosen="Hello!", rejected="Hi.", fields={"probability": 0.5}))
        True
    """
    return isinstance(record, Comparison) and record.tie


def all_ties(number: int, name: str) -> AllTiesError:
    """The error for data that consist of ties alone, where ties are left out.

    Args:
        number: of the ties.
        name: of the data.
    """
    return AllTiesError(
        f"All {number:,} comparisons are ties: neither response is preferred.",
        where=name,
        fix="Only methods that read the field probability, such as bt-ties, learn from ties.",
    )


def without_ties(feedback: Feedback) -> Feedback:
    """The feedback without its ties, which are counted in ``ties``; feedback without a tie is returned unchanged.

    Args:
        feedback: records of one kind.

    Raises:
        DataError: all comparisons are ties.

    Example:
        >>> from penchant.feedback import read
        >>> row = {"prompt": "Hi", "response_a": "Hello!", "response_b": "No."}
        >>> table = read([{**row, "winner": "a"}, {**row, "winner": "tie"}], ties="keep")
        >>> len(table), len(without_ties(table)), without_ties(table).ties
        (2, 1, 1)
    """
    if "comparison" not in feedback.kind or not any(map(is_tie, feedback)):
        return feedback
    records: Kept[Record] = Kept()
    records.extend(record for record in feedback if not is_tie(record))
    if not len(records):
        raise all_ties(len(feedback), feedback.name)
    rest = feedback.part(kept(records), feedback.bad, feedback.ties + len(feedback) - len(records))
    rest.layout = feedback.layout
    return rest


def decided(feedback: Feedback, probability: float) -> Feedback:
    """The comparisons, of which those without a ``probability`` get this one.

    Args:
        feedback: comparisons, some of them ties.
        probability: that the chosen response of a decided comparison is the better one.

    Example:
        >>> from penchant.feedback import read
        >>> decided(read([{"prompt": "Hi", "chosen": "Hello!", "rejected": "No."}]), 1.0)[0].fields
        {'probability': 1.0}
    """
    records: Kept[Record] = Kept()
    records.extend(_with(record, probability) for record in feedback)
    return feedback.part(kept(records), feedback.bad, feedback.ties)


def _with(record: Record, probability: float) -> Record:
    if not isinstance(record, Comparison) or record.fields.get("probability") is not None:
        return record
    return replace(record, fields={**record.fields, "probability": probability})
