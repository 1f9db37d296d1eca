"""Judges of single people beside one for all: who is measured, on what, and the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from penchant.cli.app import main
from penchant.errors import DataError
from penchant.feedback import read
from penchant.statistics import Interval
from penchant.training.people.agreement import agreement_of
from penchant.training.people.personal import PersonalJudges, _people, _split
from small_runs import COLOURS, THINGS, model_folder, write_pairs


def rows(people: tuple[str, ...] = ("Ann", "Bob"), opposite: bool = True) -> list[dict[str, Any]]:
    """The first person prefers what is good; the second one the opposite, or the same."""
    found = []
    for place, (colour, thing) in enumerate((colour, thing) for colour in COLOURS for thing in THINGS):
        sides = f"the {thing} is good", f"the {thing} was bad"
        for number, who in enumerate(people):
            chosen, rejected = sides[::-1] if opposite and number else sides
            row = {"prompt": f"which {colour} {thing}", "chosen": chosen, "rejected": rejected}
            found.append({**row, "annotator": who, "strength": 1 + place % 2})
    return found


def records(given: list[dict[str, Any]]) -> Any:
    return list(read(given))


def test_agreement_is_1_between_equals_and_low_between_opposites() -> None:
    varied = rows(opposite=False)
    for each in varied[:10]:
        each["chosen"], each["rejected"] = each["rejected"], each["chosen"]
    assert agreement_of(records(varied)) == pytest.approx(1.0)
    assert agreement_of(records(varied), grade="strength") == pytest.approx(1.0)
    assert agreement_of(records(rows())) < 0
    assert agreement_of(records(rows(("Ann",)))) != agreement_of(records(rows(("Ann",))))  # NaN: no pair has two labels
    with pytest.raises(DataError, match="'annotator' is 'Ann', expected a number above 0"):
        agreement_of(records(rows()), grade="annotator")


def test_no_prompt_is_trained_on_and_measured_and_small_annotators_are_left_out() -> None:
    pairs = records([*rows(), {**rows()[0], "annotator": "Cy"}])
    known, asked = _split(pairs, 0.25, seed=0)
    assert not {pair.prompt for pair in known} & {pair.prompt for pair in asked}
    assert len({pair.prompt for pair in asked}) == 9
    assert _people(known, asked, "annotator", 4) == {"Ann": "Ann", "Bob": "Bob"}
    with pytest.raises(DataError, match="No annotator has 100 pairs"):
        _people(known, asked, "annotator", 100)


def test_names_that_make_no_folder_are_numbered() -> None:
    pairs = records(rows(("../Ann", "Bob")))
    assert _people(*_split(pairs, 0.25, seed=0), "annotator", 4) == {"../Ann": "0", "Bob": "1"}


def test_the_mean_of_annotators_counts_each_once() -> None:
    found = PersonalJudges(0.2, {"Ann": 90, "Bob": 10}, {"Ann": 90, "Bob": 10}, {"own": {"Ann": 0.5, "Bob": 1.0}})
    assert found.macro("own") == Interval(0.75, 0.0, 1.0)  # two annotators say little; an accuracy stays a share
    assert found.as_dict()["macro"] == {"own": 0.75}


def test_who_has_too_few_pairs_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("penchant.evaluation.report.write_report", lambda run: run / "report.html")
    monkeypatch.setattr("penchant.training.people.personal._split", lambda pairs, share, seed: (pairs[:9], pairs[9:]))
    pairs = [{**row, "annotator": "Cy"} if place == 2 else row for place, row in enumerate(rows(opposite=False)[:14])]
    data = write_pairs(tmp_path / "pairs.jsonl", pairs)
    words = ["--model", str(model_folder(tmp_path / "start")), "--data", str(data), "-o", str(tmp_path / "out")]
    assert main(["personal-judges", *words, "--json", str(tmp_path / "found.json")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "No judge, for want of pairs (--least, or none held out): Cy (1 training pair)." in said
    assert json.loads((tmp_path / "found.json").read_text())["left_out"] == {"Cy": 1}


@pytest.mark.long
@pytest.mark.parametrize("rank", [0, 4])
def test_the_command_judges_opposite_people_better_with_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rank: int
) -> None:
    monkeypatch.setattr("penchant.evaluation.report.write_report", lambda run: run / "report.html")
    # A third person agrees with the first one, so that there is a majority.
    third = [{**row, "annotator": "Cy"} for row in rows(("Ann",))]
    data = write_pairs(tmp_path / "pairs.jsonl", [*rows(), *third])
    words = ["--model", str(model_folder(tmp_path / "start")), "--data", str(data), "-o", str(tmp_path / "out")]
    keys = ["--learning-rate", "3e-3", "--epochs", "4", "--batch-size", "8", "--json", str(tmp_path / "found.json")]
    keys += ["--rank", str(rank), "--own-learning-rate", "1e-2"]
    assert main(["personal-judges", *words, *keys, "--html", str(tmp_path / "page.html")]) == 0
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["trained"] == {"all": 27, "as many": 27, "Ann": 27, "Bob": 27, "Cy": 27}
    assert found["accuracy"]["all"]["Ann"] == 1 > found["accuracy"]["all"]["Bob"]
    assert found["accuracy"]["own"]["Bob"] > found["accuracy"]["all"]["Bob"]
    assert "their mean" in capsys.readouterr().out and "50 % is chance" in (tmp_path / "page.html").read_text()
    judged = tmp_path / "judged.jsonl"
    bob = str(tmp_path / "out/people/Bob/model")
    assert main(["judge", str(data), "--judge", bob, "--limit", "2", "-o", str(judged)]) == 0
    assert len(judged.read_text().splitlines()) == 2
