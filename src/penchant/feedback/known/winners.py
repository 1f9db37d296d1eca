"""Two numbered or lettered responses of a row, and which of them a column calls the better one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from penchant.errors import DataError, MisreadError
from penchant.feedback.known.layout import Row, empty, figure, filled, shown
from penchant.feedback.records import Source

__all__ = ["Sides", "empty_winner", "first_of_sides", "sides_of", "winner_column"]

_STEMS = (
    "response", "answer", "completion", "output", "conversation", "generation", "candidate", "human_ref", "reply",
    "summary", "text", "conv",
)  # fmt: skip
_ENDS = (
    ("_a", "_b"), ("_A", "_B"), ("_0", "_1"), ("_1", "_2"), ("1", "2"), ("A", "B"), ("-1", "-2"), ("_left", "_right"),
    ("_first", "_second"),
)  # fmt: skip
_WINNERS = (
    "winner", "preference", "preferred", "choice", "better", "better_response", "better_answer", "better_completion",
    "preferred_response", "preferred_answer", "preferred_completion", "verdict", "vote", "label", "comparison",
)  # fmt: skip
#: A verdict that writes both sides: ``A>>B``, ``[[B>A]]``, ``A=B``.
_WRITTEN = re.compile(r"\[*\s*(\w+)\s*(>+|<+|=+|≻|≺|≫|≪)\s*(\w+)\s*\]*")
#: A verdict in words: ``Response A``, ``[[B]]``, ``answer_a is better``, ``model-b wins``.
# Repetitions are bounded, so that a long text takes no longer than its length.
_SAID = re.compile(
    r"[\[(*\"' ]{0,8}(?:(?:response|answer|completion|output|assistant|model|option|candidate|summary|reply|generation"
    r"|text|conversation)[\s_-]{0,3})?([a-z0-9]{1,40})[\])*\"' .!]{0,8}"
    r"(?:(?:is |was )?(?:better|preferred|best|the winner)|wins|won)?[ .!]{0,4}"
)
_COUNTED = re.compile(r"[+-]?\d+(\.0)?")
#: What says first or second of any two columns.
_PLACES = (("left", "first"), ("right", "second"))
_TIES = ("both", "neither", "draw", "equal", "same", "none", "c", "both_bad", "both bad", "bothbad")


@dataclass(frozen=True)
class Sides:
    """The two columns of responses.

    Args:
        names: the columns.
        ends: what their names end in.
    """

    names: tuple[str, str]
    ends: tuple[str, str]


def sides_of(row: Row) -> Sides | None:
    """The row's two numbered or lettered responses, or None.

    Example:
        >>> sides_of({"response_a": "Yes.", "response_b": "No."})
        Sides(names=('response_a', 'response_b'), ends=('_a', '_b'))
    """
    return next((sides for sides in _sides(tuple(row)) if filled(row, *sides.names)), None)


@lru_cache(maxsize=256)
def _sides(columns: tuple[str, ...]) -> tuple[Sides, ...]:
    """The pairs of columns that could be the two responses; the rows of a set mostly have the same columns."""
    there = set(columns)
    pairs = (((stem + ends[0], stem + ends[1]), ends) for stem in _STEMS for ends in _ENDS)
    return tuple(Sides(names, ends) for names, ends in pairs if there.issuperset(names))


def winner_column(row: Row) -> str | None:
    """The column that names the better of two responses; for one column per response, the first one's."""
    sides = sides_of(row)
    if sides is None:
        return None
    plain = next((name for name in _WINNERS if filled(row, name) and not isinstance(row[name], list | dict)), None)
    plain = plain or next((name for name in _WINNERS if _selected(row.get(name))), None)
    return plain or next(iter(_each(row, sides)), None)


def empty_winner(row: Row) -> str | None:
    """The column that should name the better of two responses and is empty; None if there is none.

    Example:
        >>> empty_winner({"response_a": "Yes.", "response_b": "No.", "winner": None})
        'winner'
    """
    if sides_of(row) is None or winner_column(row) is not None:
        return None
    return next((name for name in _WINNERS if name in row and empty(row[name])), None)


def _each(row: Row, sides: Sides) -> tuple[str, ...]:
    """The columns that mark each response as winner or not: ``winner_model_a``, ``winner_model_b``, ``winner_tie``."""
    for stem in ("winner_model", "winner", "is_winner", "preferred", "is_preferred"):
        names = (stem + sides.ends[0], stem + sides.ends[1])
        if filled(row, *names):
            return (*names, *[name for name in ("winner_tie",) if name in row])
    return ()


def first_of_sides(row: Row, source: Source) -> tuple[int | None, tuple[str, ...]]:
    """Which response is better, and the columns that say so.

    Returns:
        0 or 1, or None for a tie; the columns.

    Raises:
        DataError: the value names neither response.
        MisreadError: it is a number, so that the responses are counted otherwise than their columns.

    Example:
        >>> first_of_sides({"response_a": "Yes.", "response_b": "No.", "winner": "model_b"}, Source())[0]
        1
    """
    sides = sides_of(row)
    column = winner_column(row)
    assert sides is not None and column is not None
    marks = _each(row, sides)
    if column in marks:
        first, second = (figure(row[name], name, source) for name in marks[:2])
        return (None if first == second else int(second > first)), marks
    value = row[column]["selected"] if _selected(row[column]) else row[column]
    return _named(value, column, row, sides, source), (column,)


def _selected(value: Any) -> bool:
    """Whether a cell is an answer of Label Studio: ``{"selected": "left"}``."""
    return isinstance(value, dict) and set(value) == {"selected"}


def _named(value: Any, column: str, row: Row, sides: Sides, source: Source) -> int | None:
    word = str(value).strip().lower()
    written = _WRITTEN.fullmatch(word)
    both = written is not None and written[1] != written[3]
    if written and both and written[2][0] != "=":
        word = written[1] if written[2][0] in ">≻≫" else written[3]
    elif both or word.startswith("tie") or word in _TIES:
        return None
    for at, (name, end) in enumerate(zip(sides.names, sides.ends, strict=True)):
        mark = end.strip("_-").lower()
        models = {str(row.get(f"{stem}{end}")).lower() for stem in ("model", "model_name") if filled(row, stem + end)}
        if word in {
            mark,
            *_PLACES[at],
            f"[[{mark}]]",
            f"model{end}".lower(),
            f"assistant{end}".lower(),
            name.lower(),
            *models,
        }:
            return at
        said = _SAID.fullmatch(word)
        if said is not None and said[1] == mark and not word.isdigit():
            return at
        if mark.isdigit() and isinstance(value, int | float) and float(value) == int(mark):
            return at
        if mark.isdigit() and word == f"{mark}.0":
            return at
    raise _unnamed(value, column, sides, source)


def _unnamed(value: Any, column: str, sides: Sides, source: Source) -> DataError:
    """The error of a value that names neither response."""
    marks = [end.strip("_-") for end in sides.ends]
    what = f"{shown(column, value)}, which names neither {sides.names[0]!r} nor {sides.names[1]!r}."
    fix = f"Write {marks[0]!r} or {marks[1]!r} (or 'tie'), or the name of the column."
    if not marks[0].isdigit() and _COUNTED.fullmatch(str(value).strip()):
        fix = " ".join(
            f"If {column!r} counts them from {first}: --map response_{first}={sides.names[0]} "
            f"--map response_{first + 1}={sides.names[1]}."
            for first in (1, 0)
        )
    if not (marks[0].isdigit() and _COUNTED.fullmatch(str(value).strip())):
        return DataError(what, where=str(source), fix=fix)
    return MisreadError(
        what,
        where=str(source),
        why=f"If {column!r} counts from another number than the columns do, or marks ties by a number, "
        f"other records would be read the wrong way round.",
        fix=fix,
    )
