"""Verifiers: answers that a rule cannot check, and responses that are no list, are errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from penchant.cli.app import main
from penchant.errors import DataError
from penchant.feedback import Prompt, Source
from penchant.rewards import Verifier, answer_in, same_number
from penchant.rewards.right_and_wrong import right_and_wrong

PARIS = {"prompt": "Capital?", "answer": "Paris", "responses": ["Paris", "Rome"]}


def verify(folder: Path, *rows: dict[str, Any], options: tuple[str, ...] = ()) -> int:
    (folder / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return main(["data", "verify", str(folder / "p.jsonl"), "--out", str(folder / "o.jsonl"), *options])


def test_a_text_under_a_numeric_rule_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(tmp_path, {**PARIS, "answer": "4", "responses": ["4", "5"]}, PARIS) == 1
    assert "record 2: The answer 'Paris' has no number" in (said := capsys.readouterr().err) and "--rule" in said
    assert not (tmp_path / "o.jsonl").exists()
    for rule in ("exact", "contains"):
        assert verify(tmp_path, PARIS, options=("--rule", rule, "--overwrite")) == 0
        (pair,) = map(json.loads, (tmp_path / "o.jsonl").read_text().splitlines())
        assert (pair["chosen"], pair["rejected"]) == ("Paris", "Rome")


def test_a_judge_says_which_record_it_cannot_check() -> None:
    records = [Prompt(prompt="Capital?", fields={"answer": "Paris"}, source=Source("a.jsonl", 3))]
    with pytest.raises(DataError, match=r"a.jsonl:3: The answer 'Paris' has no number.*judge.rule=contains"):
        Verifier.of_records(records)
    assert Verifier.of_records(records, "contains").score("Capital?", ["It is Paris.", "Rome"]) == [1.0, 0.0]


@pytest.mark.parametrize("responses", ["4 6", {"a": "4"}, 4, True])
def test_responses_that_are_no_list_are_an_error(responses: object) -> None:
    with pytest.raises(DataError, match=r"record 1: 'responses' is \w+, expected a list of texts"):
        right_and_wrong([{"prompt": "x", "answer": "4", "responses": responses}])


def test_no_comparison_at_all_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify(tmp_path, {"prompt": "2+2", "answer": "4", "responses": ["5", "6"]}) == 0
    assert "warning: By the rule 'number', the responses of each problem are all right" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("response", "answer", "right"),
    [
        ("It is 4.", "4", True),
        ("44", "4", False),
        ("a_4", "4", False),
        ("the ANSWER", "answer", True),
        ("ΟΔΟΣ", "οδος", True),
        ("cat", "cats", False),
        ("is $5 now", "$5", True),
        ("US$5", "$5", False),
        ("a b c", "b c", True),
        ("", "4", False),
    ],
)
def test_an_answer_is_contained_as_whole_words(response: str, answer: str, right: bool) -> None:
    assert Verifier([("q", answer)], "contains").score("q", [response]) == [float(right)]


def test_many_empty_lines_hide_no_answer() -> None:
    assert answer_in("\n" * 100_000 + "  A : 7\n") == "7"
    assert answer_in("\n" * 100_000) is None


def test_numbers_of_more_digits_than_memory_holds_are_not_numbers() -> None:
    assert not same_number("1e1000000000", "1e1000000000") and not same_number("9" * 100_000, "1")
    assert same_number("1e3", "1000")
