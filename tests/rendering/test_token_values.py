"""Numbers per token: spans of characters reach exactly the tokens that share a letter with them, or are errors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import DataError
from penchant.feedback.records import Comparison, Source
from penchant.rendering.marked_text import marked_spans
from penchant.rendering.token_values import Spelled, differing, phrase_ids, token_weights

TEXT = "tea, milk and tea"
#: tea | , | milk a | nd | tea | end
SPELLED = Spelled(TEXT, [(0, 3), (3, 4), (5, 11), (11, 13), (14, 17), (17, 17)])


def record(**fields: Any) -> Comparison:
    return Comparison(prompt="?", chosen=TEXT, rejected="no", source=Source("pairs.jsonl", 3), fields=fields)


def test_a_token_that_shares_a_letter_with_a_span_has_its_weight_and_the_largest_counts() -> None:
    spans = [["milk", 1.2], [10, 13, 1.5], [0, 3, 2]]
    assert token_weights(record(chosen_spans=spans), "chosen", SPELLED) == [2.0, 1.0, 1.5, 1.5, 1.0, 1.0]
    assert token_weights(record(chosen_spans=[]), "chosen", SPELLED) == [1.0] * 6


def test_weights_of_tokens_are_taken_as_given() -> None:
    given_weights = [0, 0.5, 1, 1, 2, 0]
    assert token_weights(record(chosen_token_weights=given_weights), "chosen", SPELLED) == given_weights


def test_phrases_have_their_place_or_number_and_a_shared_token_belongs_to_the_first() -> None:
    assert phrase_ids(record(chosen_phrases=["and", "milk", [14, 17, 1]]), "chosen", SPELLED) == [0, 0, 2, 1, 1, 0]
    marked = "<MASK> tea </MASK>, milk and <MASK>tea</MASK>"
    assert phrase_ids(record(chosen_marked=marked), "chosen", SPELLED) == [1, 0, 0, 0, 2, 0]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "needs 'chosen_token_weights' or 'chosen_spans'.*penchant data build spans"),
        ({"chosen_spans": [], "chosen_token_weights": [1] * 6}, "has both"),
        ({"chosen_spans": "tea"}, "expected a list"),
        ({"chosen_spans": [[0, 99, 1.1]]}, "0 <= start < end <= 17"),
        ({"chosen_spans": [["coffee", 1.1]]}, "not in the response"),
        ({"chosen_spans": [[4, 5, 1.1]]}, "with a word in between"),
        ({"chosen_spans": [[0, 3]]}, r"chosen_spans\[0\].*expected \[start, end, a weight\]"),
        ({"chosen_spans": [[0, 3, 0.5]]}, "a weight of at least 1"),
        ({"chosen_token_weights": [1.0] * 5}, "5 numbers, but the response has 6 tokens"),
        ({"chosen_token_weights": [0] * 6}, "some weight above 0"),
        ({"chosen_token_weights": [1, 1, 1, 1, 1, -1]}, r"chosen_token_weights\[5\]"),
        ({"chosen_token_weights": [1, 1, 1, 1, 1, None]}, r"chosen_token_weights\[5\]"),
    ],
)
def test_what_are_no_weights(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=f"(?s){message}") as caught:
        token_weights(record(**fields), "chosen", SPELLED)
    assert "pairs.jsonl" in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "needs 'chosen_phrases' or 'chosen_marked'"),
        ({"chosen_phrases": [[0, 5], "tea,"]}, "overlaps"),
        ({"chosen_phrases": [[0, 3, 0]]}, "whole number from 1"),
        ({"chosen_phrases": [["tea", 1.5]]}, "whole number from 1"),
        ({"chosen_phrases": [7]}, "expected"),
        ({"chosen_marked": "<MASK>coffee</MASK>, milk and tea"}, "without its marks is not the response"),
        ({"chosen_marked": "<MASK>tea, milk and tea"}, "not closed"),
        ({"chosen_marked": "tea</MASK>, milk and tea"}, "not opened"),
        ({"chosen_marked": "<MASK>tea <MASK>, </MASK></MASK>milk and tea"}, "inside another"),
        ({"chosen_marked": "<MASK> </MASK>tea, milk and tea"}, "empty"),
        ({"chosen_marked": ["tea"]}, "expected a text"),
    ],
)
def test_what_are_no_phrases(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=f"(?s){message}"):
        phrase_ids(record(**fields), "chosen", SPELLED)


@given(st.lists(st.tuples(st.booleans(), st.text("ab c", min_size=1).filter(str.strip)), min_size=1, max_size=6))
def test_marks_are_found_wherever_they_stand(parts: list[tuple[bool, str]]) -> None:
    marked = "".join(f"<MASK> {text} </MASK>" if inside else text for inside, text in parts)
    text = "".join(text for _, text in parts)
    found = marked_spans(marked, text, "chosen_marked", Source())
    wanted = ["".join(text.split()) for inside, text in parts if inside]
    assert ["".join(text[start:end].split()) for start, end in found] == wanted


@given(st.lists(st.integers(0, 2), max_size=6), st.lists(st.integers(0, 2), max_size=6))
def test_as_many_tokens_differ_on_both_sides(own: list[int], other: list[int]) -> None:
    here, there = differing(own, other), differing(other, own)
    assert len(here) == len(own) and sum(here) == sum(there)
    assert sum(here) == sum(left != right for left, right in zip(own, other, strict=False))
