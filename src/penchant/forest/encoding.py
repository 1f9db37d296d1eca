"""From records to token sequences: exactly the views and fields that an objective asks for."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias

from penchant.errors import ConfigurationError, DataError
from penchant.feedback.records import Comparison, Record, Source, Text
from penchant.feedback.views.view import find_view, how_to_make, is_whole, supplied_texts, view_texts
from penchant.forest.layout import TokenSequence
from penchant.rendering.renderer import Renderer
from penchant.rendering.truncation import CutTable, Fitted, Policy, Truncation

__all__ = ["RECORD_INDEX", "EncodedData", "Encoder", "Example", "RecordEncoder"]

#: The field that every record has without holding it: its number in its data set, from 0; −1 where a micro-batch is
#: filled with an example that does not count.
RECORD_INDEX = "record_index"

Field: TypeAlias = float | list[float] | list[list[float]]


@dataclass(frozen=True)
class Example:
    """One record as an objective sees it.

    Args:
        views: for each view its token sequences (one, or several for a list of responses).
        fields: for each record field a number, one number per response, or for each response one number per token.
        weight: the record's weight in the loss.
        source: where the record came from.
    """

    views: dict[str, list[TokenSequence]]
    fields: dict[str, float | list[float] | list[list[float]]]
    weight: float
    source: Source

    @property
    def size(self) -> int:
        """Tokens the example adds to a batch, its prompt counted once (an upper bound of its share of the forest)."""
        sequences = [sequence for view in self.views.values() for sequence in view]
        prompts = {tuple(sequence.prompt) for sequence in sequences}
        return sum(map(len, prompts)) + sum(len(sequence.response) for sequence in sequences)


@dataclass
class EncodedData:
    """Examples with the count of what was cut on the way.

    Args:
        examples: those that are used.
        cut: what truncation did.
        records: for each example the number of its record, from 0.
    """

    examples: Sequence[Any]
    cut: CutTable = field(default_factory=CutTable)
    records: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.examples)


class RecordEncoder(ABC):
    """Turns records into examples, whatever the responses are made of; `_example` says how one record is turned.

    Args:
        views: names of the views to build. Those of the step are built later, from two examples, by `cross`.
        fields: names of the record fields to read.
        optional: views and fields that records need not supply.

    Raises:
        ConfigurationError: a view of the step crosses a view that is not built.
    """

    #: What to do where no record can be used.
    advice = "Run `penchant data check` on the file."

    def __init__(self, views: Sequence[str], fields: Sequence[str] = (), optional: Iterable[str] = ()) -> None:
        #: For each view of the step the view that it crosses.
        self.crossed = {name: view.crossed for name in views if (view := find_view(name)).crossed is not None}
        self.views = tuple(name for name in views if name not in self.crossed)
        self.fields, self.optional = tuple(fields), frozenset(optional)
        for name, crossed in self.crossed.items():
            if crossed not in self.views:
                raise ConfigurationError(
                    f"The view {name!r} crosses the view {crossed!r}, which is not asked for.",
                    fix=f"Give the loss a parameter `{crossed}: Scored` too.",
                )

    def only(self, views: Iterable[str], fields: Iterable[str]) -> Self:
        """The same encoder for some of its views and fields: those of one named source."""
        twin, wanted, read = copy.copy(self), set(views), set(fields)
        twin.views = tuple(name for name in self.views if name in wanted)
        twin.crossed = {name: crossed for name, crossed in self.crossed.items() if name in wanted}
        twin.fields = tuple(name for name in self.fields if name in read)
        return twin

    def encode(self, records: Sequence[Record], progress: Callable[[int], None] | None = None) -> EncodedData:
        """Encode all records; those that do not fit are counted, never silently lost.

        Args:
            records: the feedback.
            progress: called with the number of records done.

        Raises:
            DataError: a record lacks a view or field, or no record is left.
        """
        examples: list[Any] = []
        data = EncodedData(examples)
        for done, record in enumerate(records, start=1):
            example = self._example(record, data.cut)
            if example is not None:
                if RECORD_INDEX in self.fields:
                    example.fields[RECORD_INDEX] = float(done - 1)
                examples.append(example)
                data.records.append(done - 1)
            if progress is not None:
                progress(done)
        if not examples:
            reasons = ", ".join(f"{count} {reason}" for reason, count in data.cut.dropped_because.items())
            raise DataError(
                f"None of the {len(records)} records can be used ({reasons or 'there is none'}).", fix=self.advice
            )
        _require_same_fields(examples)
        return data

    def cross(self, own: Any, other: Any) -> Any:
        """A response that has the prompt of ``own`` and the response of ``other``, for views of the step."""
        raise NotImplementedError(f"{type(self).__name__} does not say how two responses are crossed.")

    def cost(self, response: Any) -> int:
        """How much of the scorer's unit a response adds to an example whose prompt is there already."""
        raise NotImplementedError(f"{type(self).__name__} does not say what a response costs.")

    @abstractmethod
    def _example(self, record: Record, cut: CutTable) -> Any:
        """One record as an example, or None where it takes no part (then it is counted in ``cut``)."""

    def _texts(self, name: str, record: Record) -> list[tuple[Text, Text]] | None:
        return supplied_texts(name, record) if name in self.optional else view_texts(name, record)

    def _numbers(self, record: Record) -> tuple[dict[str, Field], float]:
        """The record's fields that are asked for, and its weight."""
        told = [name for name in self.fields if name != RECORD_INDEX]
        fields = {name: value for name in told if (value := self._field(name, record)) is not None}
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
                # Not a number for each response but a row of numbers about the example, [B, N].
                return [[_number(name, each, record) for each in value]]
            return [
                [_number(name, token, record) for token in each]
                if isinstance(each, list | tuple)
                else _number(name, each, record)
                for each in value
            ]  # type: ignore[return-value]  # a record holds the one form or the other
        return _number(name, value, record)


class Encoder(RecordEncoder):
    """Turns records of text into examples.

    Args:
        renderer: the one renderer of training, scoring and generation.
        views: names of the views to build.
        fields: names of the record fields to read; those in ``optional`` may be absent from all records.
        truncation: how long a sequence may be, and what to do with longer ones.
        optional: views and fields that records need not supply.
    """

    advice = "Raise max_length, choose another truncation policy, or run `penchant data check` on the file."

    def __init__(
        self,
        renderer: Renderer,
        views: Sequence[str],
        fields: Sequence[str] = (),
        truncation: Truncation | None = None,
        optional: Iterable[str] = (),
    ) -> None:
        super().__init__(views, fields, optional)
        self.renderer = renderer
        self.truncation = truncation or Truncation(None)

    def _example(self, record: Record, cut: CutTable) -> Example | None:
        views = {name: texts for name in self.views if (texts := self._texts(name, record)) is not None}
        fitted = self._fit(record, views)
        reason = next((each.dropped for each in fitted.values() if each.dropped), None)
        if not fitted:
            reason = "no view that the objective asks for"
        sequences = {} if reason is not None else _sequences(views, fitted)
        if isinstance(record, Comparison) and _identical(sequences):
            reason = "responses identical as tokens"
            cut.identical_after_cut += any(each.identical for each in fitted.values())
        if reason is not None:
            cut.drop(reason)
            return None
        worst = max(fitted.values(), key=lambda each: (each.prompt_cut, sum(each.responses_cut)))
        cut.add(worst)
        fields, weight = self._numbers(record)
        return Example(sequences, fields, weight, record.source)

    def cross(self, own: TokenSequence, other: TokenSequence) -> TokenSequence:
        """The prompt tokens of ``own`` with the response tokens of ``other``, cut where they are too long together.

        No example is left out for its partner's sake: where the policy says so of a record (``drop``, ``error``), the
        prompt is cut on its left, and where that is not enough the response on its right.
        """
        prompt, response = list(own.prompt), list(other.response)
        policies: tuple[Policy, ...] = ("prompt_left", "response_right")
        for policy in policies[self.truncation.policy == "response_right" :]:
            truncation = Truncation(self.truncation.max_length, policy)
            fitted = truncation.fit(prompt, [response], keep_first=self.renderer.keep_first(prompt))
            if fitted.dropped is None:
                break
        return TokenSequence(fitted.prompt, fitted.responses[0])

    def cost(self, response: TokenSequence) -> int:
        """Tokens of the response."""
        return len(response.response)

    def _fit(self, record: Record, views: dict[str, list[tuple[Text, Text]]]) -> dict[Any, Fitted]:
        """All sequences of a record that answer one prompt keep the same part of it."""
        prompts: dict[Any, list[int]] = {}
        responses: dict[Any, list[list[int]]] = {}
        try:
            for texts in views.values():
                for prompt, response in texts:
                    key = _key(prompt)
                    if key not in prompts:
                        prompts[key] = self.renderer.prompt_ids(prompt)
                    responses.setdefault(key, []).append(self.renderer.response_ids(prompt, response))
            return {
                key: self.truncation.fit(ids, responses[key], keep_first=self.renderer.keep_first(ids))
                for key, ids in prompts.items()
            }
        except DataError as error:
            if error.where is not None:
                raise
            raise DataError(error.what, where=str(record.source), why=error.why, fix=error.fix) from error


def _sequences(views: dict[str, list[tuple[Text, Text]]], fitted: dict[Any, Fitted]) -> dict[str, list[TokenSequence]]:
    """The sequences of each view; the responses to a prompt were fitted in the order in which the views name them."""
    sequences: dict[str, list[TokenSequence]] = {name: [] for name in views}
    taken = dict.fromkeys(fitted, 0)
    for name, texts in views.items():
        for prompt, _response in texts:
            key = _key(prompt)
            each = fitted[key]
            sequences[name].append(_sequence(each.prompt, each.responses[taken[key]], is_whole(name)))
            taken[key] += 1
    return sequences


def _sequence(prompt: list[int], response: list[int], whole: bool) -> TokenSequence:
    if whole:
        return TokenSequence(prompt[:1], [*prompt[1:], *response])
    return TokenSequence(prompt, response)


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


def _require_same_fields(examples: Sequence[Any]) -> None:
    """A field that only some records have can be batched neither with them nor without."""
    first = examples[0]
    for example in examples:
        if differing := sorted(example.fields.keys() ^ first.fields.keys()):
            there, absent = (example, first) if differing[0] in example.fields else (first, example)
            raise DataError(
                f"The field {differing[0]!r} is missing here, but {there.source} has it.",
                where=str(absent.source),
                fix="Give it to every record, or to none.",
            )
        for name, value in example.fields.items():
            if "responses" not in example.views and _width(value) != _width(first.fields[name]):
                raise DataError(
                    f"The field {name!r} holds {_width(value)} numbers here, "
                    f"{_width(first.fields[name])} at {first.source}.",
                    where=str(example.source),
                    fix="Give every record as many.",
                )


def _width(value: Field) -> int:
    row = value[0] if isinstance(value, list) and value else value
    return len(row) if isinstance(row, list) else 1


def _key(prompt: Text) -> Any:
    return prompt if isinstance(prompt, str) else repr(prompt)


def _identical(sequences: dict[str, list[TokenSequence]]) -> bool:
    """Whether a comparison compares a sequence of tokens with itself."""
    compared = [each for name, found in sequences.items() if find_view(name).compared for each in found]
    return len(compared) > 1 and all(each == compared[0] for each in compared)
