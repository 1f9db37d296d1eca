"""`FieldMapping`: what each field is read from: a column, a path into nested columns, a template, or a constant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any, TypeAlias

from penchant.errors import DataError, nearest
from penchant.feedback.nested import ABSENT, NestedColumn, Rereadable, columns_of, nested_column
from penchant.feedback.templates import ColumnTemplate, placeholders
from penchant.feedback.validation import NUMERIC

__all__ = ["FieldMapping"]

Row: TypeAlias = Mapping[str, Any]

#: A text this close to a column's name is a misspelling of it and no constant.
_ALIKE = 0.75
_EXAMPLE = "Write the text of a constant in quotes: '{field}=\"…\"'."


class FieldMapping:
    """The mapping of a set of rows, checked against their columns.

    A value is, in this order: the name of a column; text in quotes, a constant; text with ``{column}``, a template;
    a path into a column (``input.messages``, ``completions.0.text``); text with white space, a constant.

    Args:
        mapping: field names to what they are read from.
        rows: the rows, to know their columns; read several times.
        where: the file or data set, for errors.

    Raises:
        DataError: a value names nothing that a row has.

    Example:
        >>> rows = [{"instruction": "Translate.", "input": "Good day", "output": "Bonjour"}]
        >>> fields = FieldMapping({"prompt": "{instruction}: {input}", "completion": "output"}, rows, "a.jsonl")
        >>> fields.apply(rows[0], "a.jsonl:1")
        {'prompt': 'Translate.: Good day', 'completion': 'Bonjour'}
    """

    def __init__(self, mapping: Mapping[str, str], rows: Rereadable[Row], where: str) -> None:
        self.where = where
        self.rows = rows
        self.columns = columns_of(rows)
        # Without a row there is nothing to check, and nothing to map.
        self.sources = {ours: self._source(ours, str(theirs)) for ours, theirs in mapping.items()} if rows else {}
        used = [column for each in self.sources.values() for column in _columns(each)]
        self.used = {each.column: [other.keys for other in used if other.column == each.column] for each in used}

    def apply(self, row: Row, place: str) -> dict[str, Any]:
        """A row with its fields under our names; columns that the mapping uses up are left out.

        Args:
            row: the row as read.
            place: file and line, for errors.

        Raises:
            DataError: a template meets a value that is not a text or a number.
        """
        kept: dict[str, Any] = {}
        for name, value in row.items():
            rest = value
            for keys in self.used.get(name, ()):
                rest = _without(rest, keys)
            if rest is not ABSENT and name not in self.sources:
                kept[name] = rest
        for ours, source in self.sources.items():
            value = source if isinstance(source, _CONSTANT) else source.value(row, place)
            if value is not ABSENT:
                kept[ours] = value
        return kept

    def _source(self, ours: str, theirs: str) -> NestedColumn | ColumnTemplate | str | float:
        if theirs in self.columns:
            return NestedColumn(theirs)
        if (quoted := _unquoted(theirs)) is not None:
            return _constant(ours, quoted)
        if names := placeholders(theirs):
            return ColumnTemplate(theirs, {name: self._placed(ours, name) for name in names})
        found = nested_column(theirs, self.columns, self.rows)
        if found is not None:
            return found
        if re.search(r"\s", theirs) and not self._misspelt(theirs):
            return _constant(ours, theirs)
        raise self._unknown(ours, theirs)

    def _placed(self, ours: str, name: str) -> NestedColumn:
        """The column of a placeholder."""
        found = NestedColumn(name) if name in self.columns else nested_column(name, self.columns, self.rows)
        if found is None:
            raise DataError(
                f"The template of {ours!r} names the column {name!r}, which no record has.",
                where=self.where,
                fix=f"{nearest(name, self._named(name))} Braces that belong to the text are written {{{{ and }}}}.",
            )
        return found

    def _misspelt(self, theirs: str) -> bool:
        spaced = (column for column in self.columns if re.search(r"\s", column))
        return any(SequenceMatcher(None, theirs.lower(), each.lower()).ratio() >= _ALIKE for each in spaced)

    def _unknown(self, ours: str, theirs: str) -> DataError:
        if self._entered(theirs) is not None:
            what = f"The mapping {ours}={theirs} is a path that no record has."
        else:
            what = f"The mapping {ours}={theirs} names the column {theirs!r}, which no record has."
        hint = nearest(theirs, self._named(theirs))
        return DataError(what, where=self.where, fix=f"{hint} {_EXAMPLE.format(field=ours)}")

    def _entered(self, path: str) -> str | None:
        """The column that a path begins with."""
        return next((column for column in self.columns if path.startswith(f"{column}.")), None)

    def _named(self, name: str) -> list[str]:
        """The columns that may have been meant: for a path, those beside it."""
        first = self._entered(name)
        if first is None:
            return list(self.columns)
        inside = columns_of([value for row in self.rows if isinstance(value := row.get(first), Mapping)])
        return [f"{first}.{each}" for each in inside] or list(self.columns)


_CONSTANT = (str, float)


def _columns(source: NestedColumn | ColumnTemplate | str | float) -> list[NestedColumn]:
    if isinstance(source, ColumnTemplate):
        return list(source.columns.values())
    return [source] if isinstance(source, NestedColumn) else []


def _without(value: Any, keys: tuple[str, ...]) -> Any:
    """A column without what a path takes from it; `ABSENT` if nothing else is in it.

    The rest of an object stays, so that what it holds besides is not lost unseen; a list is used up as a whole.
    """
    if not keys or not isinstance(value, Mapping):
        return ABSENT
    inner = _without(value.get(keys[0]), keys[1:])
    rest = {key: each for key, each in value.items() if key != keys[0]}
    if inner is not ABSENT:
        rest[keys[0]] = inner
    return rest or ABSENT


def _unquoted(text: str) -> str | None:
    """The content of a text in quotes, or None."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" and text[0] not in text[1:-1]:
        return text[1:-1]
    return None


def _constant(ours: str, text: str) -> str | float:
    """A constant text; a number for a field that is one."""
    try:
        return float(text) if ours in NUMERIC else text
    except ValueError:
        return text
