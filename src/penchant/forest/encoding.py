"""Encoders, which turn records into examples with exactly the views and fields that an objective needs."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias

from penchant.errors import ConfigurationError, DataError
from penchant.feedback.records import Comparison, Record, Source, Text
from penchant.feedback.views.view import find_view, how_to_make, is_whole, supplied_texts, view_texts
from penchant.forest.layout import TokenSequence
from penchant.rendering.renderer import Renderer, ResponseTokens
from penchant.rendering.truncation import CutTable, Fitted, Mask, Policy, Truncation

__all__ = ["RECORD_INDEX", "EncodedData", "Encoder", "Example", "RecordEncoder", "require_same_fields"]

#: A field that the encoder adds: the number of the record in its data set, from 0; −1 for an example that only pads a
#: micro-batch.
RECORD_INDEX = "record_index"

Field: TypeAlias = float | list[float] | list[list[float]]


@dataclass(frozen=True)
class Example:
    """One record as an objective sees it.

    Args:
        views: for each view, its token sequences (one, or several for a list of responses).
        fields: for each record field, one number, one number per response, or one number per learned token of each
            response.
        weight: the record's weight in the loss.
        source: file and line of the record.
    """

    views: dict[str, list[TokenSequence]]
    fields: dict[str, float | list[float] | list[list[float]]]
    weight: float
    source: Source

    @property
    def size(self) -> int:
        """Tokens that the example adds to a batch, with each prompt counted once (an upper bound)."""
        sequences = [sequence for view in self.views.values() for sequence in view]
        prompts = {tuple(sequence.prompt) for sequence in sequences}
        return sum(map(len, prompts)) + sum(len(sequence.response) for sequence in sequences)


@dataclass
class EncodedData:
    """Encoded examples with the counts of truncation.

    Args:
        examples: the examples.
        cut: counts of truncated and dropped records.
        records: for each example, the number of its record, from 0.
        notes: sentences about what the model does not see of the records, beside the counts.
    """

    examples: Sequence[Any]
    cut: CutTable = field(default_factory=CutTable)
    records: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.examples)


class RecordEncoder(ABC):
    """Turns records into examples, for any modality; a subclass implements `_example` for one record.

    Args:
        views: names of the views to build. Views of the step are built later, from two examples, with `cross`.
        fields: names of the record fields to read.
        optional: views and fields that records may lack.

    Raises:
        ConfigurationError: a view of the step combines responses of a view that is not built.
    """

    #: The fix in the error if no record can be used.
    advice = "Run `penchant data check` on the file."
    #: Whether many examples are kept on disk (`penchant.forest.large`).
    on_disk = False

    def __init__(self, views: Sequence[str], fields: Sequence[str] = (), optional: Iterable[str] = ()) -> None:
        #: For each view of the step, the view whose prompts and responses it combines.
        self.crossed = {name: view.crossed for name in views if (view := find_view(name)).crossed is not None}
        self.views = tuple(name for name in views if name not in self.crossed)
        self.fields, self.optional = tuple(fields), frozenset(optional)
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
        names = [name for name in self.fields if name != RECORD_INDEX]
        fields = {name: value for name in names if (value := self._field(name, record)) is not None}
        weight = record.fields.get("weight")
        return fields, 1.0 if weight is None else _number("weight", weight, record)

    def _field(self, name: str, record: Record) -> Field | None:
        value = getattr(record, name, None)
        value = record.fields.get(name) if value is None else value
        if value is None and name in self.optional:
            return None
        if value is None:
            have = ", ".join(sorted(record.fields)) or "none"
            raise DataError(
                f"The objective needs the field {name!r}, which this record does not have (further fields: {have}).",
                where=str(record.source),
                fix=how_to_make(name)
                or f"Add a number {name!r} to every record, or map a column to it with --map {name}=COLUMN.",
            )
        if isinstance(value, list | tuple):
            if "responses" not in self.views:
                # Not one number per response but a row of numbers per example, [B, N].
                return [[_number(name, each, record) for each in value]]
            return [
                [_number(name, token, record) for token in each]
                if isinstance(each, list | tuple)
                else _number(name, each, record)
                for each in value
            ]  # type: ignore[return-value]  # a record has one form or the other
        return _number(name, value, record)


class Encoder(RecordEncoder):
    """Turns records of text into examples.

    Args:
        renderer: the renderer, shared by training, scoring and generation.
        views: names of the views to build.
        fields: names of the record fields to read.
        truncation: the length limit and the truncation policy.
        optional: views and fields that may be absent from all records.
        on_bad: ``stop`` at a record that cannot be rendered, or ``skip`` such records and count them.
    """

    on_disk = True
    advice = "Raise max_length, choose another truncation policy, or run `penchant data check` on the file."

    def __init__(
        self,
        renderer: Renderer,
        views: Sequence[str],
        fields: Sequence[str] = (),
        truncation: Truncation | None = None,
        optional: Iterable[str] = (),
        on_bad: str = "stop",
    ) -> None:
        super().__init__(views, fields, optional)
        self.renderer, self.on_bad = renderer, on_bad
        self.truncation = truncation or Truncation(None)

    def _example(self, record: Record, cut: CutTable) -> Example | None:
        views = {name: texts for name in self.views if (texts := self._texts(name, record)) is not None}
        try:
            fitted = self._fit(record, views)
        except DataError as error:
            if self.on_bad != "skip":
                raise
            cut.refuse(error)
            return None
        reason = next((each.dropped for each in fitted.values() if each.dropped), None)
        if not fitted:
            reason = "no view that the objective needs"
        sequences = {} if reason is not None else _sequences(views, fitted)
        if isinstance(record, Comparison) and _identical(sequences):
            shortened = any(each.identical for each in fitted.values())
            reason = f"responses identical {'after truncation' if shortened else 'as tokens'}"
            cut.identical_after_cut += shortened
        if reason is not None:
            cut.drop(reason)
            return None
        worst = max(fitted.values(), key=lambda each: (each.prompt_cut, sum(each.responses_cut)))
        cut.add(worst)
        fields, weight = self._numbers(record)
        return Example(sequences, fields, weight, record.source)

    def cross(self, own: TokenSequence, other: TokenSequence) -> TokenSequence:
        """The prompt tokens of ``own`` with the response tokens of ``other``, truncated if necessary.

        An example is never dropped because of its partner: under the policies ``drop`` and ``error``, the prompt is cut
        on the left, and if that is not enough, the response on the right.
        """
        prompt, response = list(own.prompt), list(other.response)
        policies: tuple[Policy, ...] = ("prompt_left", "response_right")
        for policy in policies[self.truncation.policy == "response_right" :]:
            truncation = Truncation(self.truncation.max_length, policy)
            first = self.renderer.keep_first(prompt)
            fitted = truncation.fit(prompt, [response], keep_first=first, learned=[other.learned])
            if fitted.dropped is None:
                break
        return TokenSequence(fitted.prompt, fitted.responses[0], fitted.learned[0])

    def cost(self, response: TokenSequence) -> int:
        """Number of tokens of the response."""
        return len(response.response)

    def _fit(self, record: Record, views: dict[str, list[tuple[Text, Text]]]) -> dict[Any, Fitted]:
        """Truncate a record; all its sequences with one prompt keep the same part of the prompt."""
        prompts: dict[Any, list[int]] = {}
        responses: dict[Any, list[ResponseTokens]] = {}
        try:
            self.renderer.check(record)
            for texts in views.values():
                for prompt, response in texts:
                    key = _key(prompt)
                    if key not in prompts:
                        prompts[key] = self.renderer.prompt_ids(prompt)
                    responses.setdefault(key, []).append(self.renderer.response_tokens(prompt, response))
            return {
                key: self.truncation.fit(
                    ids,
                    [each.ids for each in responses[key]],
                    keep_first=self.renderer.keep_first(ids),
                    learned=[each.learned for each in responses[key]],
                )
                for key, ids in prompts.items()
            }
        except DataError as error:
            where = error.where or str(record.source)
            skip = "With on_bad=skip (--on-bad skip) such records are skipped and counted."
            raise DataError(error.what, where=where, why=error.why, fix=f"{error.fix or ''} {skip}".strip()) from error


def _sequences(views: dict[str, list[tuple[Text, Text]]], fitted: dict[Any, Fitted]) -> dict[str, list[TokenSequence]]:
    """The sequences of each view; the truncated responses per prompt are in the order of the views."""
    sequences: dict[str, list[TokenSequence]] = {name: [] for name in views}
    taken = dict.fromkeys(fitted, 0)
    for name, texts in views.items():
        for prompt, _response in texts:
            key = _key(prompt)
            each, place = fitted[key], taken[key]
            sequences[name].append(_sequence(each.prompt, each.responses[place], each.learned[place], is_whole(name)))
            taken[key] += 1
    return sequences


def _sequence(prompt: list[int], response: list[int], learned: Mask, whole: bool) -> TokenSequence:
    if not whole:
        return TokenSequence(prompt, response, learned)
    # The prompt is scored too; what others wrote in the response stays context.
    mask = None if learned is None else ((True,) * (len(prompt) - 1) + learned)
    return TokenSequence(prompt[:1], [*prompt[1:], *response], mask)


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


def require_same_fields(example: Any, first: Any) -> None:
    """Check that an example has the fields of the first one, since a field that only some have cannot be batched.

    Raises:
        DataError: a field is missing in one of them, or has another number of numbers.
    """
    if differing := sorted(example.fields.keys() ^ first.fields.keys()):
        there, absent = (example, first) if differing[0] in example.fields else (first, example)
        raise DataError(
            f"The field {differing[0]!r} is missing here, but {there.source} has it.",
            where=str(absent.source),
            fix="Add it to every record, or remove it from all.",
        )
    for name, value in example.fields.items():
        if "responses" not in example.views and _width(value) != _width(first.fields[name]):
            raise DataError(
                f"The field {name!r} has {_width(value)} number(s) here, "
                f"{_width(first.fields[name])} at {first.source}.",
                where=str(example.source),
                fix="Give every record the same number.",
            )


def _width(value: Field) -> int:
    row = value[0] if isinstance(value, list) and value else value
    return len(row) if isinstance(row, list) else 1


def _key(prompt: Text) -> Any:
    return prompt if isinstance(prompt, str) else repr(prompt)


def _identical(sequences: dict[str, list[TokenSequence]]) -> bool:
    """Whether all sequences that the objective compares are identical."""
    compared = [each for name, found in sequences.items() if find_view(name).compared for each in found]
    return len(compared) > 1 and all(each == compared[0] for each in compared)
