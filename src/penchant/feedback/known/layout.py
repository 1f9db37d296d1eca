"""`Layout`, a set of columns that is recognised and converted to our fields, and what the conversions share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from penchant.errors import DataError
from penchant.feedback.literals import literal
from penchant.feedback.records import TIE, Source
from penchant.feedback.values import described, wrong

__all__ = [
    "Gathered",
    "Layout",
    "Placed",
    "Row",
    "Rows",
    "are_texts",
    "empty",
    "figure",
    "filled",
    "object_in",
    "ordered",
    "shown",
    "unnamed",
]

Row: TypeAlias = Mapping[str, Any]
#: The number of a row among those that were read, from 0, and the row or its error.
Placed: TypeAlias = "tuple[int, dict[str, Any] | DataError]"
#: Many of them are on disk.
Rows: TypeAlias = Sequence[Placed]


@dataclass(frozen=True)
class Gathered:
    """Rows after those of one layout became records.

    Args:
        rows: the records, each with the number of one of its rows, and the rows of other layouts.
        read: number of rows that had the layout.
        left: what was left out, with its number of times.
    """

    rows: Rows
    read: int
    left: Mapping[str, int] = field(default_factory=dict)

    @property
    def says(self) -> str:
        """What was left out, in words; empty if nothing was."""
        return ", ".join(f"{count} {what}" for what, count in self.left.items() if count)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A layout of rows, with its row in the table of the documentation.

    Args:
        name: what it is called.
        columns: its columns, for the table.
        kind: the kind of feedback that it is read as.
        used_by: the collections and tools that write it.
        says: which column decides, or what is joined; ``{prompt}`` stands for the columns of the prompt.
        matches: whether a row has the layout; None for a row that already has our fields.
        convert: the row in our fields; its other columns stay.
        unwraps: the row that `convert` gives has a layout of its own.
        gather: for a layout whose records span several rows, or whose rows hold several records, the conversion of
            all rows.
    """

    name: str
    columns: str
    kind: str
    used_by: str = ""
    says: str = ""
    matches: Callable[[Row], bool] | None = None
    convert: Callable[[Row, Source], dict[str, Any]] | None = None
    unwraps: bool = False
    gather: Callable[[Rows, Sequence[Source], Callable[[Row], bool]], Gathered] | None = None

    def sentence(self, prompt: Sequence[str] = ()) -> str:
        """The layout in one line: its name, and what decides.

        Args:
            prompt: the columns of the prompt.
        """
        if not self.says or (list(prompt) == ["prompt"] and "{prompt}" in self.says):
            return self.name
        return f"{self.name}: {self.says.replace('{prompt}', ' and '.join(prompt))}"


def are_texts(value: Any) -> bool:
    """Whether a value is a list of texts.

    Example:
        >>> are_texts(["Hi", "Bye"]), are_texts([]), are_texts("Hi")
        (True, False, False)
    """
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(each, str) for each in value)


def empty(value: Any) -> bool:
    """Whether a cell holds nothing: null, white space, an empty list or object.

    Example:
        >>> empty(" "), empty([]), empty(0)
        (True, True, False)
    """
    return value is None or (isinstance(value, str) and not value.strip()) or value in ([], {}, ())


def filled(row: Row, *names: str) -> bool:
    """Whether a row has something in every one of these columns."""
    return all(not empty(row.get(name)) for name in names)


def unnamed(row: Row, names: Iterable[str]) -> dict[str, Any]:
    """A row without these columns."""
    left_out = set(names)
    return {name: value for name, value in row.items() if name not in left_out}


def object_in(value: Any) -> Mapping[str, Any]:
    """A cell that is an object, or text of one; an empty object for any other.

    Example:
        >>> object_in("{'problem': '2 + 2?'}"), object_in("2 + 2?"), object_in(None)
        ({'problem': '2 + 2?'}, {}, {})
    """
    found = literal(value) if isinstance(value, str) and value[:1] == "{" else value
    return found if isinstance(found, Mapping) else {}


def figure(value: Any, field: str, source: Source) -> float:
    """A number, or text of one.

    Raises:
        DataError: it is neither.

    Example:
        >>> figure("-2", "preference_strength", Source()), figure(True, "winner_a", Source())
        (-2.0, 1.0)
    """
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise wrong(field, value, "a number", source) from error


def ordered(sides: tuple[Any, Any], better: int | None, scores: tuple[Any, Any] | None = None) -> dict[str, Any]:
    """``chosen`` and ``rejected`` of two responses, with their scores if there are any.

    Args:
        sides: the two responses.
        better: 0 or 1, the preferred one; None for a tie, whose ``probability`` is one half.
        scores: the scores of the two.

    Example:
        >>> ordered(("Yes.", "No."), 1), ordered(("Yes.", "No."), None)["probability"]
        ({'chosen': 'No.', 'rejected': 'Yes.'}, 0.5)
    """
    if better is None:
        return {**ordered(sides, 0, scores), "probability": TIE}
    pair = {"chosen": sides[better], "rejected": sides[1 - better]}
    if scores is not None:
        pair |= {"chosen_score": scores[better], "rejected_score": scores[1 - better]}
    return pair


def shown(field: str, value: Any) -> str:
    """A column and its value, for errors."""
    return f"{field!r} is {described(value)}"
