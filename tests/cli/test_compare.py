"""``penchant compare``: from a recipe to a table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from penchant.cli.app import main
from small_runs import model_folder, write_pairs


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "200")
    keys = {"model": str(model_folder(tmp_path / "model")), "data": str(write_pairs(tmp_path / "pairs.jsonl"))}
    keys |= {"batch_size": 4, "max_steps": 1, "samples": 0, "objective": {"name": "dpo", "beta": 0.7}}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(keys))
    return tmp_path / "recipe.yaml"


def test_a_table_a_picture_a_page_and_the_numbers(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["compare", str(recipe), "--objectives", "dpo,ipo,sppo", "--set", "ipo.beta=0.4", "--seeds", "1"]
    assert main([*words, "--output", str(out)]) == 0
    shown = capsys.readouterr()
    for told in (
        "3 objectives on",
        "1 of 1",
        "0 of 1, 1 failed",
        "sppo (seed 0) failed: ",
        "24 of 24",
        "chosen_win_rate",
    ):
        assert told in shown.out
    for name in ("comparison.png", "comparison.html", "comparison.json"):
        assert str(out / name) in shown.out and (out / name).stat().st_size > 0
    told = json.loads((out / "comparison.json").read_text())
    # What the recipe says of its own objective holds for that one alone.
    assert [each["settings"].get("beta") for each in told["objectives"][:2]] == [0.7, 0.4]


def test_all_failed_is_a_failure(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["compare", str(recipe), "data=nowhere.jsonl", "--objectives", "dpo,ipo", "--out", str(tmp_path / "out")]
    assert main(words) == 1
    assert "dpo (seed 0, 1, 2), ipo (seed 0, 1, 2) failed: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["RECIPE", "--objectives", "dpo,ipoo"], "Did you mean 'ipo'"),
        (["nowhere.yaml", "--objectives", "dpo,ipo"], "nowhere.yaml: The recipe cannot be read"),
        (["RECIPE", "--objectives", "dpo"], "--objectives names 1 objective"),
        (["RECIPE", "--objectives", "dpo, dpo"], "--objectives names 1 objective"),
        (["RECIPE", "--objectives", "dpo,ipo", "--set", "beta=0.1"], "is not a setting of a compared objective"),
        (["RECIPE", "--objectives", "dpo,ipo", "--resume", "--overwrite"], "both given"),
    ],
)
def test_bad_input_is_told(
    words: list[str], told: str, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(recipe) if word == "RECIPE" else word for word in words]
    assert main(["compare", *given, "--out", str(tmp_path / "out")]) == 1
    assert told in capsys.readouterr().err
