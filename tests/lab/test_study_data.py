"""Data of the sums world for studies and pipelines: right, wrong where they should be, and apart where they measure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from penchant.lab.reasoning_data import write_reasoning_data
from penchant.lab.study_data import write_study_data

NAMES = ("demonstrations", "pairs", "held_out", "traffic", "text")


def rows_of(places: dict[str, str], name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(places[name]).read_text(encoding="utf-8").splitlines()]


def right(prompt: str) -> str:
    return str(sum(int(each) for each in prompt.removesuffix("=").split("+")))


def test_answers_are_right_and_wrong_where_they_should_be(tmp_path: Path) -> None:
    places = write_study_data(tmp_path, NAMES)
    assert set(places) == set(NAMES)
    assert all(each["completion"] == right(each["prompt"]) for each in rows_of(places, "demonstrations"))
    for name in ("pairs", "held_out"):
        for each in rows_of(places, name):
            assert each["chosen"] == right(each["prompt"]) != each["rejected"]
    assert all(each["answer"] == right(each["prompt"]) for each in rows_of(places, "traffic"))


def test_prompts_that_measure_are_trained_on_nowhere(tmp_path: Path) -> None:
    places = write_study_data(tmp_path, NAMES)
    asked = {name: {each["prompt"] for each in rows_of(places, name)} for name in NAMES[:-1]}
    text = {each["completion"].partition("=")[0] + "=" for each in rows_of(places, "text")}
    for other in (asked["demonstrations"], asked["pairs"], asked["traffic"], text):
        assert not other & asked["held_out"]
    assert not asked["traffic"] & (asked["demonstrations"] | asked["pairs"] | text)
    write_study_data(tmp_path / "again", NAMES)
    for name in NAMES:
        assert Path(places[name]).read_bytes() == (tmp_path / "again" / f"{name}.jsonl").read_bytes()


def test_derivations_end_in_the_answer_and_wrong_ones_do_not(tmp_path: Path) -> None:
    names = ("text", "pairs", "direct", "explained")
    places = write_reasoning_data(tmp_path, names)
    asked = {each["prompt"][:-1] for name in ("direct", "explained") for each in rows_of(places, name)}
    assert len(asked) == 200, "the same sums are asked for in both ways"
    kinds = set()
    for each in rows_of(places, "pairs"):
        sum_, kind = each["prompt"][:-1], each["prompt"][-1]
        ends = [each[side].strip().rpartition("=")[2] for side in ("chosen", "rejected")]
        assert ends[0] == right(sum_) != ends[1] and sum_ not in asked
        kinds.add(kind)
    assert kinds == {"=", ":"}
    for each in rows_of(places, "text"):
        sum_, _sign, answer = each["completion"].partition("=")
        assert answer == right(sum_) and sum_ not in asked
