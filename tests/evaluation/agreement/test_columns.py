"""Ratings in columns, and votes of judges in both orders of a pair."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from penchant.cli.app import main
from penchant.errors import DataError
from penchant.evaluation.agreement.columns import judges_of, read_columns
from penchant.evaluation.agreement.kappas import majority_agreement
from penchant.evaluation.judges.biases import position_bias

VOTES: list[dict[str, Any]] = [
    {"label": 1, "judges": {"steady": ["1", "1"], "first": ["1", "2"], "lost": [None, "1"]}},
    {"label": 2, "judges": {"steady": ["1", "1"], "first": ["1", "2"]}},
    {"label": 2, "judges": {"steady": ["2", "2"], "first": ["1", "2"], "lost": [None, None]}},
]


def test_two_different_votes_are_a_tie_and_a_missing_one_is_none() -> None:
    found = read_columns(VOTES, ["judges", "label"])
    assert found.ratings[1] == {"steady": 1, "first": "tie", "label": 1}
    judges = judges_of(found, "label")
    assert list(judges) == ["steady", "first"], "the best first; nothing of the third can be read"
    steady, first = judges.values()
    assert (steady.accuracy, steady.consistent.value) == (pytest.approx(2 / 3), 1.0)
    assert (first.accuracy, first.consistent.value, first.first, first.second) == (0.5, 0.0, 1.0, 0.0)
    assert first.as_dict()["accuracy_where_consistent"] is None


@pytest.mark.parametrize(
    ("rows", "columns", "phrase"),
    [
        (VOTES, ["judge"], "Did you mean 'judges'"),
        ([{"id": 1, "a": 1}, {"id": 1, "a": 2}], ["a"], "stands in two rows"),
        ([{"a": [1, 2, 1]}], ["a"], "list of 3"),
        ([{"a": {"b": {"c": 1}}}], ["a"], "expected a label or a number"),
    ],
)
def test_what_is_no_rating_is_named(rows: list[dict[str, Any]], columns: list[str], phrase: str) -> None:
    with pytest.raises(DataError, match=phrase):
        read_columns(rows, columns)


def test_the_majority_is_that_of_the_others() -> None:
    assert majority_agreement([["a", "a", "b"]]) == 0.0, "of a and b neither is commoner; against two a is b wrong"
    assert majority_agreement([["a", "a", "a", "b"]]) == 0.75
    assert majority_agreement([["a", "b"]]) == 0.0 and majority_agreement([["a"]]) != majority_agreement([["a"]])


def test_the_command_has_the_figures_of_the_real_votes(shared: Path, tmp_path: Path) -> None:
    file, out = shared / "data" / "judge_votes.jsonl.gz", tmp_path / "found.json"
    words = ["agreement", str(file), "--raters", "judges", "--truth", "label", "--rounds", "5", "--json", str(out)]
    assert main(words) == 0
    found = json.loads(out.read_text())
    assert len(found["judges"]) == 44 and next(iter(found["judges"])).startswith("GPT-4")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if "PaLM2/Vanilla" in row["judges"]]
    votes = [tuple(each and int(each) for each in row["judges"]["PaLM2/Vanilla"]) for row in rows]
    plain = position_bias(votes, [row["label"] for row in rows])  # type: ignore[arg-type]
    assert found["judges"]["PaLM2/Vanilla"] == plain.as_dict()
    assert sum(each["unread"] for each in found["judges"].values()) == 41
    # The label is no rater, unless it is named as one.
    assert main([*words, "--overwrite", "--raters", "judges,label"]) == 0
    assert json.loads(out.read_text())["figures"]["alpha"] != found["figures"]["alpha"]


def test_columns_of_annotators(shared: Path, tmp_path: Path) -> None:
    """Two people agree on 96 % of these responses, the judge with the final label on 79 %."""
    file, out = str(shared / "data" / "xstest_feedback.jsonl.gz"), tmp_path / "found.json"
    people = ["--raters", "annotation_1,annotation_2", "--truth", "final_label", "--rounds", "20"]
    assert main(["agreement", file, *people, "--json", str(out)]) == 0
    figures = json.loads(out.read_text())["figures"]
    assert figures["agreement"][0] == pytest.approx(0.96, abs=0.005)
    value, low, high = figures["cohen kappa"]
    assert 0.9 < low < value < high < 0.96
    judge = ["--raters", "judge_label", "--truth", "final_label", "--rounds", "5", "--overwrite"]
    assert main(["agreement", file, *judge, "--json", str(out)]) == 0
    figures = json.loads(out.read_text())["figures"]
    assert figures["accuracy of judge_label"][0] == figures["agreement"][0] == pytest.approx(0.79, abs=0.005)
