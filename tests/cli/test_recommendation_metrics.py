"""``penchant recommend-metrics``: the table, the file, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from penchant.cli.app import main


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Five users, ten items; one system shows everybody the same, the other goes through the items."""
    taken = [{"user": user, "items": [10 + user, user % 3]} for user in range(5)]
    same = [{"user": user, "items": [0, 1, 2]} for user in range(5)]
    turns = [{"user": user, "items": [user % 3, 10 + (user + 1) % 5, 10 + (user + 2) % 5]} for user in range(5)]
    lists = [write(tmp_path / f"{name}.jsonl", rows) for name, rows in (("same", same), ("turns", turns))]
    return [*lists, "--interactions", write(tmp_path / "taken.jsonl", taken)]


def test_the_table_has_every_system_and_the_distance_to_the_frontier(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    assert main(["recommend-metrics", *files, "-k", "2", "--pair", "NDCG,Gini_our", "--json", str(out)]) == 0
    said = capsys.readouterr().out
    for word in ("same", "turns", "5 users, 8 items, k = 2", "DPFR NDCG Gini_our", "coverage", "Reference point"):
        assert word in said
    written = json.loads(out.read_text())
    assert written["measures"]["turns"]["Gini_our"] < written["measures"]["same"]["Gini_our"]
    assert written["measures"]["same"]["Ent_ori"] is None  # undefined: some items are not recommended
    assert written["references"]["NDCG,Gini_our"] in [[each["NDCG"], each["Gini_our"]] for each in written["frontier"]]


@pytest.mark.parametrize(
    ("further", "said"),
    [
        (["-k", "4"], "a list of 3 items, expected at least k = 4"),
        (["--pair", "NDCG"], "'NDCG' is not a pair of measures"),
        (["--pair", "NDCG,Gini"], "There is no measure 'Gini'"),
        (["--last", "2"], "has 2 interactions, of which the last 2 would be the test"),
    ],
)
def test_what_does_not_fit_is_said(
    files: list[str], further: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["recommend-metrics", *files, "-k", "2", *further]) == 1
    assert said in capsys.readouterr().err


def test_two_files_of_one_name_are_no_two_systems(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recommend-metrics", files[0], *files]) == 1
    assert "Two files of lists have the name 'same'" in capsys.readouterr().err
