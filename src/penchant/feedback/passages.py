"""`Passage`, a response of which one span of characters counts: an item of an answer, or a step after other steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penchant.errors import DataError
from penchant.feedback.records import Record, Source, Text
from penchant.feedback.values import described, wrong

__all__ = ["STEPS_BEFORE", "Passage", "continued", "find_span", "find_spans"]

#: The record field with the text that stands in the response before a step.
STEPS_BEFORE = "steps_before"


class Passage(str):
    """A response of which only the characters of one span are learned; the others are context.

    Several passages of one answer are the same tokens with different masks, so the answer is computed once. Equal to
    another passage with the same text and span.

    Args:
        text: the whole response.
        span: first character, and one past the last.

    Example:
        >>> tea = Passage("Tea, then milk", (0, 3))
        >>> tea.part, tea == Passage("Tea, then milk", (10, 14))
        ('Tea', False)
    """

    span: tuple[int, int]

    def __new__(cls, text: str, span: tuple[int, int]) -> Passage:
        made = super().__new__(cls, text)
        made.span = span
        return made

    def __getnewargs__(self) -> tuple[str, tuple[int, int]]:  # type: ignore[override]  # pickles with its span
        return str(self), self.span

    @property
    def part(self) -> str:
        """The characters of the span."""
        return self[slice(*self.span)]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Passage) and str.__eq__(self, other) and self.span == other.span

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((str(self), self.span))


def find_spans(text: str, given: Sequence[Any], field: str, source: Source) -> list[tuple[int, int]]:
    """The span of each item in a text.

    Args:
        text: the answer.
        given: for each item its text, or ``[start, end]`` in characters. A text is looked for behind the item before
            it, then from the beginning.
        field: name of the column, for errors.
        source: file and line, for errors.

    Raises:
        DataError: an item is neither, is not in the text, is empty, or two items overlap.

    Example:
        >>> find_spans("tea, milk, tea", ["tea", "milk", [11, 14]], "items", Source())
        [(0, 3), (5, 9), (11, 14)]
    """
    spans: list[tuple[int, int]] = []
    end = 0
    for at, item in enumerate(given):
        span = find_span(text, item, f"{field}[{at}]", end, source)
        if any(span[0] < other[1] and other[0] < span[1] for other in spans):
            raise DataError(
                f"'{field}[{at}]' (characters {span[0]} to {span[1]}) overlaps another item.",
                where=str(source),
                why="A token would count for two items.",
                fix="Give items that follow one another.",
            )
        spans.append(span)
        end = span[1]
    return spans


def find_span(text: str, item: Any, field: str, after: int, source: Source) -> tuple[int, int]:
    """The span of one item in a text.

    Args:
        text: the answer.
        item: its text, or ``[start, end]`` in characters.
        field: its name, for errors.
        after: a text is looked for from here, then from the beginning.
        source: file and line, for errors.

    Raises:
        DataError: it is neither, is not in the text, or is empty.

    Example:
        >>> find_span("tea, milk, tea", "tea", "items[0]", 1, Source())
        (11, 14)
    """
    if isinstance(item, str) and item.strip():
        start = text.find(item, after)
        start = text.find(item) if start < 0 else start
        if start < 0:
            raise DataError(
                f"{field!r} is {described(item)}, which is not in the response.",
                where=str(source),
                fix="Write it as it stands in the response, or give its characters: [start, end].",
            )
        return start, start + len(item)
    numbers = isinstance(item, list | tuple) and len(item) == 2
    if not numbers or any(isinstance(each, bool) or not hasattr(each, "__float__") for each in item):
        raise wrong(field, item, "a text of the response, or [start, end] in characters", source)
    start, end = (int(each) for each in item)
    if (start, end) != tuple(item) or not 0 <= start < end <= len(text) or not text[start:end].strip():
        raise wrong(field, item, f"0 <= start < end <= {len(text)} with a word in between", source)
    return start, end


def continued(record: Record, step: Text) -> Text:
    """A response as it is learned: whole, or as the step after the record's ``steps_before``.

    Of a step only its own tokens are learned. The steps before it are context, and no end token is learned, since the
    solution goes on. A token that reaches over the beginning of the step belongs to it.

    Args:
        record: a field ``steps_before`` holds the text before the step, empty for a first step.
        step: the response.

    Raises:
        DataError: ``steps_before`` is no text, or the step is not one text.

    Example:
        >>> from penchant.feedback.records import Comparison
        >>> pair = Comparison(prompt="1 + 2 + 3?", chosen="3 + 3 = 6", rejected="3 + 3 = 7", fields={
        ...     "steps_before": "1 + 2 = 3\\n"})
        >>> continued(pair, pair.chosen).part
        '3 + 3 = 6'
    """
    before = record.fields.get(STEPS_BEFORE)
    if before is None:
        return step
    if not isinstance(before, str):
        raise wrong(STEPS_BEFORE, before, "the text before the step, empty for a first step", record.source)
    if isinstance(step, list) and len(step) == 1:  # one turn of the assistant
        step = step[0].get("content") or ""
    if not isinstance(step, str) or not step.strip():
        raise DataError(
            f"The response after {STEPS_BEFORE!r} is {described(step)}, expected the text of one step.",
            where=str(record.source),
            fix=f"Give the step as a text, or remove the column {STEPS_BEFORE!r}.",
        )
    return Passage(before + step, (len(before), len(before) + len(step)))
