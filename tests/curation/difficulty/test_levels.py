"""Demonstrations from easy to hard: their measures, their levels, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.cli.app import main
from penchant.curation.difficulty.levels import DifficultyLevels, mean_ranks
from penchant.errors import DataError
from penchant.feedback import read
from penchant.lab.worlds.tools import requests
from small_runs import write_pairs


def levels(rows: list[dict[str, Any]], **settings: Any) -> list[dict[str, Any]]:
    return list(DifficultyLevels(**settings).build(read(rows)).rows)


def test_requests_come_in_three_levels_by_their_arguments(tmp_path: Path) -> None:
    rows = requests(0, train=90, held_out=0)
    found = levels(rows, by=["arguments"])
    sizes = {name: sum(row["split"] == name for row in found) for name in ("easy", "medium", "hard")}
    assert sizes == {"easy": 30, "medium": 30, "hard": 30}
    counts = [row["completion"].count("=") for row in found]
    assert counts == sorted(counts) and counts[0] == 0 and counts[-1] == 4, "greetings first, trips last"
    assert sorted(row["prompt"] for row in found) == sorted(row["prompt"] for row in rows)
    data, out = write_pairs(tmp_path / "rows.jsonl", rows), tmp_path / "levels.jsonl"
    words = ["data", "build", "difficulty-levels", str(data), "--by", "arguments", "--output", str(out)]
    assert main(words) == 0
    assert [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] == found
    easy = read(str(out), split="easy")
    assert len(easy) == 30 and all(each.fields["difficulty"] < 0.5 for each in easy)


def test_several_measures_count_alike_and_a_field_may_be_one() -> None:
    tool = {"type": "function", "function": {"name": "f", "description": "d", "parameters": {}}}
    asked = [{"role": "user", "content": "p"}]
    rows = [
        {"prompt": asked, "completion": "f(a=1)", "tools": [tool, tool], "loss": 0.1},
        {"prompt": asked, "completion": "f(a=1, b=2)", "tools": [tool], "loss": 0.3},
        {"prompt": asked, "completion": "no", "tools": [tool], "loss": 0.2},
    ]
    assert [row["completion"] for row in levels(rows)] == ["no", "f(a=1, b=2)", "f(a=1)"]
    assert [row["completion"] for row in levels(rows, by=["loss"])] == ["f(a=1)", "no", "f(a=1, b=2)"]
    assert [row["split"] for row in levels(rows, by=["length"], levels=2)] == ["level-1", "level-1", "level-2"]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=9))
def test_ranks_follow_the_measure_and_average_a_half(values: list[int]) -> None:
    ranks = mean_ranks([[float(each) for each in values]])
    for one, own in zip(values, ranks, strict=True):
        assert all((one < other) == (own < rank) for other, rank in zip(values, ranks, strict=True))
    assert len(values) == 1 or sum(ranks) / len(ranks) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("rows", "settings", "match"),
    [
        ([{"prompt": "p", "completion": "a"}] * 2, {}, "2 records cannot be 3 levels"),
        ([{"prompt": "p", "completion": "a"}] * 3, {"by": ["loss"]}, "'loss' is None"),
        ([{"prompt": "p", "completion": "a", "loss": "x"}] * 3, {"by": ["loss"]}, "'loss' is 'x'"),
        ([{"prompt": "p", "chosen": "a", "rejected": "b"}] * 3, {}, "needs demonstrations"),
    ],
)
def test_what_has_no_levels_is_refused(rows: list[dict[str, Any]], settings: dict[str, Any], match: str) -> None:
    with pytest.raises(DataError, match=match):
        levels(rows, **settings)
