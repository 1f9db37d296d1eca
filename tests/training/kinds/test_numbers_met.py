"""Annotators and classes that the training data do not show, and annotators with one record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import penchant
from small_runs import model_folder, pairs, write_pairs


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penchant.evaluation.report.write_report", lambda run: run / "report.html")


def warnings_of(tmp_path: Path, objective: dict[str, Any], field: str, numbers: list[int]) -> list[str]:
    rows = [{**row, field: number} for row, number in zip(pairs(len(numbers)), numbers, strict=True)]
    data, model = write_pairs(tmp_path / "pairs.jsonl", rows), model_folder(tmp_path / "m")
    found = penchant.train(str(model), str(data), objective, output=tmp_path / "run", max_steps=1)
    return [each for each in found.summary["warnings"] if "training record" in each]


def test_a_class_that_never_occurs_is_named_and_stays_finite(tmp_path: Path) -> None:
    (said,) = warnings_of(tmp_path, {"name": "four-class-preference"}, "pair_class", [0, 1, 0, 1, 1])
    assert said.startswith("No training record has pair_class 2, 3, of 4 that the objective knows")


def test_annotators_without_a_vote_and_with_one_are_told_apart(tmp_path: Path) -> None:
    missing, single = warnings_of(tmp_path, {"name": "pal", "annotators": 4}, "annotator", [0, 0, 2, 3, 3])
    assert missing.startswith("No training record has annotator 1, of 4")
    assert single.startswith("A single training record has annotator 2:")


def test_data_with_all_of_them_say_nothing(tmp_path: Path) -> None:
    assert warnings_of(tmp_path, {"name": "pal"}, "annotator", [0, 1, 0, 1]) == []
