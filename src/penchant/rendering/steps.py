"""The step of each token of a response: steps are parts of the text in order, or its lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from penchant.errors import DataError
from penchant.feedback.passages import find_spans
from penchant.feedback.records import Record, Text
from penchant.feedback.values import wrong

__all__ = ["STEP_INDEX", "plain_text", "step_numbers", "step_spans"]

#: The record field that the encoder computes: the number of the step of each learned token.
STEP_INDEX = "step_index"
_LINE = re.compile(r"\S.*")


def step_spans(record: Record) -> list[list[tuple[int, int]]]:
    """The characters of each step, for every response of a record.

    Steps are those of the field ``steps``, one list of texts per response, or the lines that are not blank.

    Args:
        record: its responses are texts, or messages of one turn.

    Raises:
        DataError: a step is not in its response, or there is not one list for each response.

    Example:
        >>> from penchant.feedback.records import Ranking
        >>> step_spans(Ranking(prompt="Q", completions=("2 + 2 = 4\\n\\nSo 4.", "5"), scores=(1.0, 0.0)))
        [[(0, 9), (11, 16)], [(0, 1)]]
    """
    texts = [plain_text(each, record) for each in record.responses]
    given = record.fields.get("steps")
    if given is None:
        return [[match.span() for match in _LINE.finditer(text)] for text in texts]
    if not isinstance(given, list | tuple) or len(given) != len(texts):
        raise wrong("steps", given, f"one list of steps for each of the {len(texts)} responses", record.source)
    return [_spans(text, steps, at, record) for at, (text, steps) in enumerate(zip(texts, given, strict=True))]


def plain_text(response: Text, record: Record, parts: str = "steps") -> str:
    """The text of a response of one turn.

    Args:
        response: a text, or messages.
        record: the record that it is of.
        parts: what is looked for in the text, for the error.

    Raises:
        DataError: it has several turns.
    """
    if isinstance(response, str):
        return response
    content: Any = response[0].get("content") if len(response) == 1 else None
    if not isinstance(content, str):
        raise DataError(
            f"A response has several turns, so its {parts} are not parts of one text.",
            where=str(record.source),
            fix="Give responses of one turn.",
        )
    return content


def _spans(text: str, steps: Any, at: int, record: Record) -> list[tuple[int, int]]:
    if not isinstance(steps, list | tuple) or not steps:
        raise wrong(f"steps[{at}]", steps, "a list of steps", record.source)
    found = find_spans(text, steps, f"steps[{at}]", record.source)
    if found != sorted(found):
        raise DataError(
            f"The steps of response {at} are not in the order of its text.",
            where=str(record.source),
            fix="Give the steps as they follow one another.",
        )
    return found


def step_numbers(tokens: Sequence[tuple[int, int]], text: str, steps: Sequence[tuple[int, int]]) -> list[int]:
    """The number of the step of each token, from 1.

    A token belongs to the step that holds its first character that is not white space; a token without one (a line
    break, the end token), or between two steps, belongs to the step before it.

    Args:
        tokens: [T] the characters of each token (`penchant.rendering.characters.token_spans`).
        text: the response.
        steps: the characters of each step, in order.

    Example:
        >>> step_numbers([(0, 3), (3, 4), (4, 7), (7, 7)], "one\\ntwo", [(0, 3), (4, 7)])
        [1, 1, 2, 2]
    """
    numbers, current = [], 1
    for start, end in tokens:
        inner = text[max(start, 0) : max(end, 0)]
        if inner.strip():
            first = max(start, 0) + len(inner) - len(inner.lstrip())
            current = next((number for number, (_, stop) in enumerate(steps, 1) if first < stop), len(steps))
            current -= current > 1 and first < steps[current - 1][0]
        numbers.append(current)
    return numbers
