"""Rules of the verifier beyond words: patterns, JSON schemas, boxes; answers that cannot be one are refused."""

from __future__ import annotations

import pytest

from penchant.errors import ConfigurationError, DataError
from penchant.feedback.records import Prompt, Source
from penchant.rewards import Verifier
from penchant.rewards.answer_rules import box_overlap, matches

SCHEMA = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "age": {"minimum": 0}}}


def test_a_pattern_is_found_anywhere_unless_it_is_bound() -> None:
    judge = Verifier([("p", r"\b[A-Z]\d{3}\b"), ("q", r"^yes\.?$")], "regex")
    assert judge.score("p", ["code B123 here", "b123", "B1234"]) == [1.0, 0.0, 0.0] and judge.verifies
    assert judge.score("q", ["yes.", "oh yes."]) == [1.0, 0.0]


def test_a_pattern_that_never_ends_is_an_error_and_not_a_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penchant.rewards.answer_rules.LONGEST_SEARCH", 0.05)
    with pytest.raises(DataError, match=r"searches for more than 0\.05 s in a response of 41 characters"):
        matches("a" * 40 + "!", r"^(a|a)+$")


def test_json_is_checked_against_the_schema_of_the_record() -> None:
    pytest.importorskip("jsonschema")
    judge = Verifier.of_records([Prompt(prompt="p", fields={"answer": SCHEMA})], "json_schema")
    responses = ['{"name": "Ann"}', 'Sure: ```json\n{"name": "Ann", "age": 3}\n```', '{"age": 3}', "Ann", '{"name": 3}']
    assert judge.score("p", responses) == [1.0, 1.0, 0.0, 0.0, 0.0]
    with pytest.raises(DataError, match=r"f\.jsonl:3: The answer .* is no JSON schema \('objekt' is not valid"):
        record = Prompt(prompt="p", fields={"answer": {"type": "objekt"}}, source=Source("f.jsonl", 3))
        Verifier.of_records([record], "json_schema")


def test_a_schema_elsewhere_is_not_fetched() -> None:
    pytest.importorskip("jsonschema")
    judge = Verifier([("p", '{"$ref": "http://localhost:1/schema.json"}')], "json_schema")
    with pytest.raises(DataError, match="The JSON schema cannot be applied"):
        judge.score("p", ["{}"])


@pytest.mark.parametrize(
    ("response", "expected"),
    [("[0, 0, 2, 2]", 1 / 3), ("[1, 0, 3, 2]", 1.0), ("first [1,0,3,2], no: (5, 5, 6, 6)", 0.0), ("none", 0.0),
     ("[3, 0, 1, 2]", 0.0), ("[1.0, 0.0, 2.0, 1.0]", 0.25)],
)  # fmt: skip
def test_boxes_overlap(response: str, expected: float) -> None:
    assert box_overlap(response, "[1, 0, 3, 2]") == pytest.approx(expected)


def test_overlaps_are_graded_or_right_from_a_threshold_on() -> None:
    graded = Verifier.of_records([Prompt(prompt="p", fields={"answer": [1, 0, 3, 2]})], "iou")
    assert graded.score("p", ["[0, 0, 2, 2]"]) == pytest.approx([1 / 3]) and not graded.verifies
    right = Verifier([("p", "[1, 0, 3, 2]")], "iou", threshold=0.3)
    assert right.score("p", ["[0, 0, 2, 2]", "[0, 0, 1.5, 2]"]) == [1.0, 0.0] and right.verifies
    with pytest.raises(ConfigurationError, match="the rule gives no overlap"):
        Verifier(rule="exact", threshold=0.5)


@pytest.mark.parametrize(
    ("rule", "answer", "said"), [("regex", "(", "is no regular expression"), ("iou", "[1, 2]", "is no box")]
)
def test_answers_that_no_response_can_meet_are_refused(rule: str, answer: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        Verifier([("p", answer)], rule)
