"""Steps of tokens: every token of a response belongs to one step, in order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import DataError
from penchant.feedback.records import Ranking
from penchant.rendering.steps import step_numbers, step_spans


def record(*texts: Any, **fields: Any) -> Ranking:
    return Ranking(prompt="Q", completions=texts, scores=tuple(range(len(texts))), fields=fields)


def test_lines_are_steps_unless_steps_are_given() -> None:
    text = "one\n\n two three\nfour"
    assert step_spans(record(text, "one")) == [[(0, 3), (6, 15), (16, 20)], [(0, 3)]]
    given_steps = step_spans(record(text, "one", steps=[["one\n\n two", "three\nfour"], ["one"]]))
    assert given_steps == [[(0, 9), (10, 20)], [(0, 3)]]
    assert step_spans(record([{"role": "assistant", "content": "a\nb"}], "c")) == [[(0, 1), (2, 3)], [(0, 1)]]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([["one"]], "one list of steps for each of the 2"),
        ("one", "one list of steps for each"),
        ([["one"], []], r"steps\[1\]"),
        ([["one", "zero"], ["one"]], "not in the response"),
        ([["two", "one"], ["one"]], "not in the order"),
    ],
)
def test_what_is_no_list_of_steps(steps: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        step_spans(record("one two", "one", steps=steps))


def test_a_response_of_several_turns_has_no_steps() -> None:
    turns = [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}] * 2
    with pytest.raises(DataError, match="several turns"):
        step_spans(record(turns, "c"))


@given(st.lists(st.text(st.sampled_from("ab c"), min_size=1, max_size=6).filter(str.strip), min_size=1, max_size=5))
def test_the_characters_of_lines_get_their_number(lines: list[str]) -> None:
    text = "\n".join(lines)
    (spans,) = step_spans(record(text))
    numbers = step_numbers([(at, at + 1) for at in range(len(text))], text, spans)
    for letter, number, line in zip(text, numbers, [text[:at].count("\n") + 1 for at in range(len(text))], strict=True):
        assert letter.isspace() or number == line
    assert numbers == sorted(numbers)


def test_a_token_of_two_steps_belongs_to_the_first_and_the_end_token_to_the_last() -> None:
    text = "ab\ncd"
    assert step_numbers([(-2, 0), (0, 1), (1, 4), (4, 5), (5, 9)], text, [(0, 2), (3, 5)]) == [1, 1, 1, 2, 2]
    assert step_numbers([(0, 1), (2, 3), (3, 5)], "a b c", [(0, 1), (4, 5)]) == [1, 1, 2], "between two steps"
