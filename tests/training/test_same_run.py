"""A run goes on under the recipe it was started with, also where an earlier version wrote that recipe down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import penchant
from penchant.cli.app import main
from penchant.errors import ConfigurationError
from penchant.training.recorder import Recorder
from penchant.training.same_run import check_same_recipe
from small_runs import largest_gap, losses, weights, write_pairs

#: As a version wrote it that called the reference ``anchor`` and the modality ``medium``.
FORMER = (Path(__file__).parent / "former_recipe.yaml").read_text(encoding="utf-8")
RECIPE: dict[str, Any] = {
    "batch_size": 4,
    "max_steps": 8,
    "learning_rate": 1e-3,
    "save_every": 2,
    "keep_checkpoints": 4,
    "samples": 0,
    "modality": "text",
    "reference": "cached",
}


class Stop(Exception):
    pass


def stop_in_step_seven(monkeypatch: pytest.MonkeyPatch) -> None:
    write = Recorder.write

    def write_and_stop(self: Recorder, at: int, split: str, numbers: dict[str, float]) -> None:
        write(self, at, split, numbers)
        if at == 7 and split == "train":
            raise Stop

    monkeypatch.setattr(Recorder, "write", write_and_stop)


def test_a_run_of_a_former_version_goes_on_to_the_same_bits(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, run = write_pairs(tmp_path / "pairs.jsonl"), tmp_path / "run"
    whole = penchant.train(folder, data, output=tmp_path / "whole", cache=str(tmp_path / "one"), **RECIPE).folder
    with monkeypatch.context() as patch:
        stop_in_step_seven(patch)
        with pytest.raises(Stop):
            penchant.train(folder, data, output=run, cache=str(tmp_path / "two"), **RECIPE)
    former = FORMER.replace("MODEL", str(folder)).replace("DATA", str(data)).replace("OUTPUT", str(run))
    (run / "recipe.yaml").write_text(former, encoding="utf-8")
    penchant.train(folder, data, output=run, cache=str(tmp_path / "three"), resume=True, **RECIPE)
    assert losses(run) == losses(whole) and largest_gap(weights(run), weights(whole)) == 0.0
    assert yaml.safe_load((run / "recipe.yaml").read_text())["reference"] == "cached", "it is written anew"


def test_the_recipe_of_a_former_version_says_what_its_key_is_called(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(FORMER, encoding="utf-8")
    assert main(["train", str(path), "--resume"]) == 1
    shown = capsys.readouterr().err
    assert "There is no key 'anchor'. It is called reference here." in shown
    assert "There is no key 'medium'. It is called modality here." in shown


@pytest.mark.parametrize(("former", "now"), [("fixed", "initial"), ("moving", "ema"), ("previous", "previous")])
def test_references_of_online_runs_are_known_by_their_former_names(former: str, now: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(f"model: m\nanchor: {former}\nanchor_rate: 0.1\n", encoding="utf-8")
    check_same_recipe(path, {"model": "m", "reference": now, "reference_rate": 0.1})
    with pytest.raises(ConfigurationError, match=f"started with reference = '{now}', but this recipe has 'nesterov'"):
        check_same_recipe(path, {"model": "m", "reference": "nesterov", "reference_rate": 0.1})


@pytest.mark.parametrize("content", ["model: [unclosed", "- a\n- b\n"])
def test_a_damaged_recipe_is_named(content: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="The recipe of the run to resume cannot be read"):
        check_same_recipe(path, {"model": "m"})


@pytest.mark.parametrize(
    ("former", "gone"),
    [
        ({"objective": {"name": "cpo", "beta": 0.1, "loss_type": "simpo"}}, r"objective\.loss_type"),
        ({"objective": {"name": "dpo", "beta": 0.1}, "sampling_batch": 256}, "sampling_batch"),
    ],
)
def test_a_former_run_that_cannot_go_on_says_why(former: dict[str, Any], gone: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(former), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=rf"by an earlier version with {gone}, which this .*Finish it"):
        check_same_recipe(path, {"objective": {"name": "cpo-simpo", "beta": 0.1}})
