"""Ranks and scores of the responses of a record: as given, of the best m alone, or derived from the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from penchant.errors import DataError
from penchant.feedback.records import Comparison, Demonstration, Ranking, Record, Source
from penchant.feedback.values import wrong

__all__ = ["given_ranks", "ranks_of_scores", "response_field"]

_FORM = "a whole number from 1 (1 is best)"


def given_ranks(values: Any, count: int, source: Source) -> tuple[int, ...]:
    """One rank per response; null where only the best are ranked.

    Responses without a rank share the rank after the last one given. Ties and gaps are kept as they are.

    Args:
        values: the ranks of the row, whole numbers from 1, or null.
        count: number of responses.
        source: file and line, for errors.

    Raises:
        DataError: it is no list, has another length, or a rank is not a whole number of at least 1; or none is given.

    Example:
        >>> given_ranks([2, 1, None, None], 4, Source()), given_ranks([1, 1, 4], 3, Source())
        ((2, 1, 3, 3), (1, 1, 4))
    """
    if not isinstance(values, list | tuple):
        raise wrong("ranks", values, f"a list of {count} ranks, each {_FORM}", source)
    if len(values) != count:
        raise DataError(
            f"'ranks' has {len(values)} entries, but there are {count} completions.",
            where=str(source),
            why="Each completion needs exactly one; null for those that are not among the best.",
            fix="Give both lists the same length.",
        )
    found = [None if value is None else _rank(value, at, source) for at, value in enumerate(values)]
    known = [rank for rank in found if rank is not None]
    if not known:
        raise wrong("ranks", values, f"at least one rank, {_FORM}", source)
    return tuple(max(known) + 1 if rank is None else rank for rank in found)


def _rank(value: Any, at: int, source: Source) -> int:
    number = float(value) if hasattr(value, "__float__") and not isinstance(value, bool) else math.nan
    if math.isfinite(number) and number == int(number) >= 1:
        return int(number)
    if isinstance(value, str):
        fix = "Write the number without quotes."
    elif value == 0:
        fix = "Count from 1: add 1 to every rank."
    else:
        fix = "If these are scores, where higher is better, name the column 'scores': --map scores=COLUMN."
    raise wrong(f"ranks[{at}]", value, _FORM, source, fix=fix)


def ranks_of_scores(scores: Sequence[float]) -> tuple[int, ...]:
    """The rank of each score: 1 plus the number of higher ones, so that equal scores share a rank.

    Example:
        >>> ranks_of_scores([0.5, 2.0, 0.5, 0.1])
        (2, 1, 2, 4)
    """
    return tuple(1 + sum(other > score for other in scores) for score in scores)


def response_field(record: Record, name: str) -> Any:
    """A field of a record, from its row or derived from what the row has; None if it has neither.

    ``ranks`` of a ranking with scores are derived from them; those of a comparison are 1 and 2. The ``scores`` of a
    comparison are its ``chosen_score`` and ``rejected_score``, that of a single response is its ``score``. Ranks do not
    say how much better a response is, so scores are not derived from them. ``relevance`` is the scores if none is below
    0, and ``positions`` is the order of the row.

    Args:
        record: the record.
        name: the field.

    Example:
        >>> response_field(Ranking(prompt="Hi", completions=("a", "b", "c"), scores=(1.0, 3.0, 1.0)), "ranks")
        (2, 1, 2)
    """
    value = getattr(record, name, None)
    value = record.fields.get(name) if value is None else value
    if value is not None:
        return value
    if isinstance(record, Ranking):
        return _of_ranking(record, name)
    if name == "scores" and isinstance(record, Demonstration) and record.fields.get("score") is not None:
        return (record.fields["score"],)
    if isinstance(record, Comparison):
        if name == "ranks":
            return (1, 2)
        scores = (record.fields.get("chosen_score"), record.fields.get("rejected_score"))
        if name == "scores" and None not in scores:
            return scores
    return None


def _of_ranking(record: Ranking, name: str) -> Any:
    if name == "positions":
        return tuple(range(1, len(record.completions) + 1))
    if record.scores is None:
        return None
    if name == "ranks":
        return ranks_of_scores(record.scores)
    return record.scores if name == "relevance" and min(record.scores) >= 0 else None
