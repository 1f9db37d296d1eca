"""`Example`, one record as an objective sees it, and `EncodedData`, the examples of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from penchant.errors import DataError
from penchant.feedback.records import Source
from penchant.forest.layout import TokenSequence
from penchant.rendering.token_values import TOKEN_FIELDS
from penchant.rendering.truncation import CutTable

__all__ = ["RECORD_INDEX", "EncodedData", "Example", "Field", "require_same_fields"]

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
        tree: examples of one tree name it, and share whatever beginnings they have in common; None for one alone.
    """

    views: dict[str, list[TokenSequence]]
    fields: dict[str, float | list[float] | list[list[float]]]
    weight: float
    source: Source
    tree: str | None = None

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
        if name in TOKEN_FIELDS:  # as many numbers as the response has tokens
            continue
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
