"""`RecordEncoder`, which turns records into examples with exactly the views and fields that an objective needs."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

from penchant.errors import ConfigurationError, DataError
from penchant.feedback.ranks import response_field
from penchant.feedback.records import Ranking, Record, Text
from penchant.feedback.views.view import find_view, how_to_make, supplied_texts, view_texts
from penchant.forest.example import RECORD_INDEX, EncodedData, Field, require_same_fields
from penchant.rendering.truncation import CutTable

__all__ = ["RecordEncoder"]

#: Fields of several numbers of which some may be missing (null); they become NaN.
_WITH_GAPS = frozenset({"ratings", "chosen_ratings", "rejected_ratings"})


class RecordEncoder(ABC):
    """Turns records into examples, for any modality; a subclass implements `_example` for one record.

    Args:
        views: names of the views to build. Views of the step are built later, from two examples, with `cross`.
        fields: names of the record fields to read.
        optional: views and fields that records may lack.
        numbered: fields that number something from 0, and how many numbers there are.

    Raises:
        ConfigurationError: a view of the step combines responses of a view that is not built.
    """

    #: The fix in the error if no record can be used.
    advice = "Run `penchant data check` on the file."
    #: Fields that the encoder computes, and does not read from the record.
    computed: frozenset[str] = frozenset()
    #: Whether many examples are kept on disk (`penchant.forest.large`).
    on_disk = False

    def __init__(
        self,
        views: Sequence[str],
        fields: Sequence[str] = (),
        optional: Iterable[str] = (),
        numbered: Mapping[str, int] | None = None,
    ) -> None:
        #: For each view of the step, the view whose prompts and responses it combines.
        self.crossed = {name: view.crossed for name in views if (view := find_view(name)).crossed is not None}
        self.views = tuple(name for name in views if name not in self.crossed)
        self.fields, self.optional, self.numbered = tuple(fields), frozenset(optional), dict(numbered or {})
        for name, crossed in self.crossed.items():
            if crossed not in self.views:
                raise ConfigurationError(
                    f"The view {name!r} needs the view {crossed!r}, which the loss does not request.",
                    fix=f"Add a parameter `{crossed}: Scored` to the loss.",
                )

    def only(self, views: Iterable[str], fields: Iterable[str]) -> Self:
        """A copy of the encoder limited to some views and fields, for one named source."""
        twin, wanted, read = copy.copy(self), set(views), set(fields)
        twin.views = tuple(name for name in self.views if name in wanted)
        twin.crossed = {name: crossed for name, crossed in self.crossed.items() if name in wanted}
        twin.fields = tuple(name for name in self.fields if name in read)
        return twin

    def encode(self, records: Sequence[Record], progress: Callable[[int], None] | None = None) -> EncodedData:
        """Encode all records; dropped records are counted.

        Args:
            records: the feedback.
            progress: called with the number of encoded records.

        Raises:
            DataError: a record lacks a view or field, or no record can be used.
        """
        examples: list[Any] = []
        data = EncodedData(examples)
        for number, example in self.each(records, data.cut, progress=progress):
            examples.append(example)
            data.records.append(number)
        self.require_some(len(examples), len(records), data.cut)
        for example in examples:
            require_same_fields(example, examples[0])
        return data

    def each(
        self,
        records: Iterable[Record],
        cut: CutTable,
        *,
        first: int = 0,
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[tuple[int, Any]]:
        """Encode records one by one: the number of each record that is not dropped, and its example.

        Args:
            records: the feedback, or a part of it.
            cut: counts what is truncated and dropped.
            first: number of the first of the records in its data set.
            progress: called with the number of encoded records.

        Raises:
            DataError: a record lacks a view or field.
        """
        for done, record in enumerate(records, start=1):
            example = self._example(record, cut)
            if example is not None:
                number = first + done - 1
                if RECORD_INDEX in self.fields:
                    example.fields[RECORD_INDEX] = float(number)
                yield number, example
            if progress is not None:
                progress(done)

    def require_some(self, used: int, total: int, cut: CutTable) -> None:
        """Check that some of the records can be used.

        Raises:
            DataError: none can.
        """
        if not used:
            if cut.refused and len(cut.refused) == total:
                raise cut.refused[0]
            reasons = ", ".join(f"{count} {reason}" for reason, count in cut.dropped_because.items())
            raise DataError(
                f"None of the {total} records can be used ({reasons or 'the data is empty'}).", fix=self.advice
            )

    def cross(self, own: Any, other: Any) -> Any:
        """The prompt of ``own`` with the response of ``other``, for views of the step."""
        raise NotImplementedError(f"{type(self).__name__} does not implement cross.")

    def cost(self, response: Any) -> int:
        """Work that a response adds to an example that already has its prompt, in the scorer's unit."""
        raise NotImplementedError(f"{type(self).__name__} does not implement cost.")

    @abstractmethod
    def _example(self, record: Record, cut: CutTable) -> Any:
        """One record as an example, or None if it is dropped and counted in ``cut``."""

    def _texts(self, name: str, record: Record) -> list[tuple[Text, Text]] | None:
        return supplied_texts(name, record) if name in self.optional else view_texts(name, record)

    def _numbers(self, record: Record) -> tuple[dict[str, Field], float]:
        """The requested fields of the record, and its weight."""
        names = [name for name in self.fields if name != RECORD_INDEX and name not in self.computed]
        fields = {name: value for name in names if (value := self._field(name, record)) is not None}
        weight = record.fields.get("weight")
        return fields, 1.0 if weight is None else _number("weight", weight, record)

    def _field(self, name: str, record: Record) -> Field | None:
        value = response_field(record, name)
        if value is None and name in self.optional:
            return None
        if value is None:
            have = ", ".join(sorted(record.fields)) or "none"
            raise DataError(
                f"The objective needs the field {name!r}, which this record does not have (further fields: {have}).",
                where=str(record.source),
                fix=how_to_make(name) or _how_to_add(name, record),
            )
        if isinstance(value, list | tuple):
            if not value:
                raise DataError(
                    f"{name!r} is an empty list, expected at least one number.",
                    where=str(record.source),
                    fix=how_to_make(name) or "Give the numbers, or remove the record.",
                )
            if "responses" not in self.views:
                # Not one number per response but a row of numbers per example, [B, N].
                gaps = name in _WITH_GAPS
                return [[math.nan if gaps and each is None else _number(name, each, record) for each in value]]
            return [
                [_number(name, token, record) for token in each]
                if isinstance(each, list | tuple)
                else _number(name, each, record)
                for each in value
            ]  # type: ignore[return-value]  # a record has one form or the other
        number = _number(name, value, record)
        if name in self.numbered:
            _check_numbered(name, number, self.numbered[name], record)
        return number


def _check_numbered(name: str, value: float, count: int, record: Record) -> None:
    """Refuse what is none of the numbers 0 to ``count`` − 1."""
    if not (value.is_integer() and 0 <= value < count):
        raise DataError(
            f"The field {name!r} is {value:g}, expected a whole number from 0 to {count - 1}.",
            where=str(record.source),
            fix=f"Number them from 0, and set how many there are (now {count}).",
        )


def _how_to_add(name: str, record: Record) -> str:
    mapped = f"or map a column to it with --map {name}=COLUMN"
    if name == "scores" and isinstance(record, Ranking):
        return (
            "Ranks do not say by how much a response is better. Train with a method that reads ranks (such as "
            f"plackett-luce-dpo or s-dpo), give every record a list 'scores' with a number for each response, {mapped}."
        )
    return f"Add a number {name!r} to every record, {mapped}."


def _number(name: str, value: Any, record: Record) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise DataError(
            f"The field {name!r} is {value!r}, not a finite number.",
            where=str(record.source),
            fix=f"Give every record a number {name!r}, or map another column to it with --map {name}=COLUMN.",
        )
    return number
