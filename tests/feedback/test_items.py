"""One answer whose items have a relevance: where they lie, in which order, and what is no item."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from penchant.checks.labels import Responses
from penchant.errors import DataError
from penchant.feedback import read
from penchant.feedback.passages import Passage
from penchant.feedback.ranks import response_field
from penchant.feedback.records import Ranking

ANSWER = "1. tea 2. milk 3. tea and milk"


def answer(items: Any, relevance: Any = (0, 2), **more: Any) -> Ranking:
    given = {} if relevance is None else {"relevance": list(relevance)}
    (record,) = read([{"prompt": "Drinks?", "response": ANSWER, "items": items, **given, **more}])
    assert isinstance(record, Ranking)
    return record


def parts(record: Ranking) -> list[str]:
    return [each.part for each in record.completions if isinstance(each, Passage)]


@pytest.mark.parametrize(
    "items",
    [
        ["tea", "milk"],
        [[3, 6], [10, 14]],
        [{"text": "tea", "relevance": 0}, {"span": [10, 14], "relevance": 2}],
    ],
)
def test_items_are_texts_or_characters(items: Any) -> None:
    record = answer(items, None if isinstance(items[0], dict) else (0, 2))
    assert parts(record) == ["tea", "milk"] and record.scores == (0.0, 2.0)
    assert record.fields["items"] == [[3, 6], [10, 14]]
    assert response_field(record, "relevance") == (0.0, 2.0) and response_field(record, "ranks") == (2, 1)


def test_a_text_that_occurs_twice_is_looked_for_behind_the_item_before_it() -> None:
    assert answer(["tea", "milk", "tea"], (0, 1, 2)).fields["items"] == [[3, 6], [10, 14], [18, 21]]


def test_positions_are_the_order_in_the_answer_not_in_the_row() -> None:
    record = answer(["tea and milk", "milk", [3, 6]], (1, 0, 0))
    assert parts(record) == ["tea and milk", "milk", "tea"]
    assert response_field(record, "positions") == [3, 2, 1]


@pytest.mark.parametrize(
    ("items", "relevance", "message"),
    [
        (["tea", "coffee"], (0, 1), "not in the response"),
        (["tea", ""], (0, 1), "a text of the response"),
        (["tea", 7], (0, 1), "a text of the response"),
        (["tea", [4, 99]], (0, 1), "start < end"),
        (["tea", [9, 9]], (0, 1), "start < end"),
        (["tea", [-3, 4]], (0, 1), "start < end"),
        (["tea", [6, 7]], (0, 1), "with a word in between"),
        (["tea", [1.5, 4]], (0, 1), "start < end"),
        (["tea", [5, 14]], (0, 1), "overlaps"),
        (["tea"], (1,), "expected at least 2"),
        (["tea", "milk"], (1,), "1 entries"),
        (["tea", "milk"], (1, -1), "at least 0"),
        (["tea", "milk"], (1, "2"), "finite number"),
    ],
)
def test_what_is_no_list_of_items(items: Any, relevance: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        answer(items, relevance)


def test_records_with_other_spans_are_other_records() -> None:
    row = {"prompt": "Drinks?", "response": ANSWER, "relevance": [0, 1]}
    first, other = read([{**row, "items": [[3, 6], [10, 14]]}]), read([{**row, "items": [[3, 6], [18, 21]]}])
    assert first.fingerprint != other.fingerprint


def test_items_of_one_answer_are_not_identical_responses() -> None:
    responses = Responses()
    responses.add(answer(["tea", "milk"]))
    assert responses.check().verdict == "ok"


def test_a_passage_keeps_its_span_when_copied_and_is_equal_only_to_the_same_span() -> None:
    tea = Passage(ANSWER, (3, 6))
    for twin in (pickle.loads(pickle.dumps(tea)), copy.deepcopy(tea)):
        assert twin == tea and hash(twin) == hash(tea) and twin.part == "tea"
    assert tea != Passage(ANSWER, (10, 14)) and tea != ANSWER and str(tea) == ANSWER


def test_relevance_is_the_scores_of_a_ranking_unless_one_is_negative() -> None:
    good, bad = read([{"prompt": "Q", "completions": ["a", "b"], "scores": scores} for scores in ([2, 0], [1, -1])])
    assert response_field(good, "relevance") == (2.0, 0.0) and response_field(good, "positions") == (1, 2)
    assert response_field(bad, "relevance") is None
