"""``penchant train`` when all is well: recipe, options, dry run, and where everything is."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from penchant.cli.app import main
from small_runs import losses, model_folder, pairs, write_pairs


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("model"))


@pytest.fixture
def recipe(model: Path, tmp_path: Path) -> Path:
    rows = [{"question": row["prompt"], "chosen": row["chosen"], "rejected": row["rejected"]} for row in pairs()]
    keys = {"model": str(model), "data": str(write_pairs(tmp_path / "pairs.jsonl", rows)), "samples": 1}
    keys |= {"mapping": {"prompt": "question"}, "batch_size": 4, "learning_rate": "1e-3", "sample_tokens": 4}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(keys))
    return tmp_path / "recipe.yaml"


def test_a_recipe_and_options_make_a_run_that_its_own_recipe_repeats(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, again = tmp_path / "run", tmp_path / "again"
    assert main(["train", str(recipe), "max_steps=3", "--set", "beta=0.2", "--out", str(run)]) == 0
    shown = capsys.readouterr()
    assert "rewards/accuracy" in shown.out and str(run / "model") in shown.out and str(run / "report.html") in shown.out
    assert "Training with DPO(beta=0.2" in shown.err
    written = yaml.safe_load((run / "recipe.yaml").read_text())
    assert written["objective"]["beta"] == 0.2 and written["max_steps"] == 3 and written["learning_rate"] == 1e-3
    for name in ("metrics.jsonl", "summary.json", "rewards.json", "samples.json", "doctor.json", "report.html"):
        assert (run / name).stat().st_size > 0
    assert main(["train", str(run / "recipe.yaml"), "--out", str(again)]) == 0
    assert losses(again) == losses(run)


def test_a_dry_run_shows_all_and_writes_nothing(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    before = sorted(tmp_path.rglob("*"))
    assert main(["train", str(recipe), "--out", str(tmp_path / "run"), "--dry-run", "epochs=2"]) == 0
    shown = capsys.readouterr().out
    assert sorted(tmp_path.rglob("*")) == before
    for told in ("learning_rate: 0.001", "beta: 0.1", "LlamaForCausalLM", "12 records of kind comparison, 12 used"):
        assert told in shown
    assert "6 of 4 prompts" in shown and "optimizer" in shown and "MiB" in shown


def test_two_recipes_are_one_too_many(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(recipe), "other.yaml"]) == 1
    assert "Two recipes are named" in capsys.readouterr().err
