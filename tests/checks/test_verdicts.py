"""Columns that judge the responses of demonstrations are found; flags and grades that all agree are not."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from penchant.checks.unused import UNUSED, unused_columns
from penchant.checks.verdicts import LABEL_LIKE, unread_verdicts
from penchant.cli.app import app
from penchant.feedback import read
from small_runs import model_folder


def rows(name: str, *values: Any) -> list[dict[str, Any]]:
    return [{"prompt": f"Question {at}?", "response": f"Answer {at}.", name: value} for at, value in enumerate(values)]


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [
        ("is_safe", (True, False, True), "against 1 of 3: --map label=is_safe"),
        ("feedback", ({"thumbs": "up"}, {"thumbs": "down"}), "against 1 of 2: --map label=feedback.thumbs"),
        ("is_correct", (1, 0, None), "against 1 of 2: --map label=is_correct"),
        ("flagged", (False, True), "against 1 of 2: a column label with its opposite"),
    ],
)
def test_a_verdict_that_nothing_reads_is_a_warning(name: str, values: tuple[Any, ...], told: str) -> None:
    (check,) = unread_verdicts(read(rows(name, *values)))
    assert (check.name, check.verdict) == (LABEL_LIKE, "warning") and told in check.detail
    assert unread_verdicts(read(rows(name, *values), kind="demonstration")) == []


@pytest.mark.parametrize(("name", "column"), [("is_safe", "is_safe"), ("feedback", "feedback.thumbs")])
def test_the_option_that_the_warning_names_reads_judgements(name: str, column: str) -> None:
    values = (True, False) if name == "is_safe" else ({"thumbs": "up"}, {"thumbs": "down"})
    judged = read(rows(name, *values), mapping={"label": column})
    assert judged.kind == "judgement" and [each.label for each in judged] == [True, False]  # type: ignore[union-attr]


def test_grades_that_differ_are_a_note() -> None:
    (check,) = unread_verdicts(read(rows("rating", 5, 1)))
    assert check.verdict == "note" and "from 1 to 5" in check.detail


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("is_safe", (True, True)),
        ("flagged", (False, False)),
        ("rating", (5, 5)),
        ("in_training_set", (True, False)),
        ("category", ({"violence": True}, {"violence": False})),
        ("feedback", ("It helped.", "It did not.")),
        ("class_label", (0, 1)),
        ("correct_rate", (0.0, 1.0)),
    ],
)
def test_what_speaks_against_no_response_is_no_finding(name: str, values: tuple[Any, ...]) -> None:
    assert unread_verdicts(read(rows(name, *values))) == []


def test_several_responses_to_a_prompt_are_named_as_a_ranking() -> None:
    given = [{"model": "a", "text": "Another answer to it."}, {"model": "b", "text": "One more answer to it."}]
    for value in (given, {"a": "Another answer to it.", "b": "One more answer to it."}):
        (check,) = unused_columns(read(rows("candidates", value)))
        assert check.name == UNUSED and "read as a ranking" in check.detail and "--map" not in check.detail


def test_show_and_check_say_it(tmp_path: Any) -> None:
    import json

    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows("is_safe", True, False)), encoding="utf-8")
    for command in (["check", str(path)], ["show", str(path), "--model", str(model_folder(tmp_path / "model"))]):
        outcome = CliRunner().invoke(app, ["data", *command])
        assert outcome.exit_code == 0 and "columns like a label" in outcome.output
