"""A run checks its data before any model is loaded, with the numbers of ``penchant data check``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import penchant
from penchant.cli.app import main
from penchant.errors import DataError
from penchant.modalities import ImageModality, TextModality, images
from penchant.training import Result, make_recipe
from penchant.training.preparation import Given
from penchant.training.progress import ProgressReporter
from penchant.training.run import run
from small_images import pipeline, write_image_pairs
from small_runs import pairs, write_pairs

Train = Callable[..., Result]


class Loaded(Exception):
    """A model was about to be loaded."""


def in_order(monkeypatch: pytest.MonkeyPatch, *calls: tuple[Any, str]) -> list[str]:
    """Note when each function is called; what loads a model ends the run."""
    happened: list[str] = []
    for owner, name in calls:
        original = getattr(owner, name)

        def call(*given: Any, name: str = name, original: Any = original, **named: Any) -> Any:
            happened.append(name)
            if name != "examine":
                raise Loaded
            return original(*given, **named)

        monkeypatch.setattr(owner, name, call)
    return happened


def test_texts_are_checked_before_the_model_is_loaded(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    happened = in_order(monkeypatch, (TextModality, "examine"), (TextModality, "load"))
    with pytest.raises(Loaded):
        train()
    assert happened == ["examine", "load"]


def test_images_are_checked_before_the_pipeline_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline().save_pretrained(tmp_path / "model")
    data = write_image_pairs(tmp_path / "data")
    happened = in_order(monkeypatch, (ImageModality, "examine"), (images, "load_pipeline"))
    with pytest.raises(Loaded):
        penchant.train(tmp_path / "model", data, output=tmp_path / "run")
    assert happened == ["examine", "load_pipeline"]


def test_the_numbers_are_those_of_data_check(train: Train, folder: Path, tmp_path: Path) -> None:
    rows = [*pairs(), pairs(1)[0]]
    data, other = write_pairs(tmp_path / "pairs.jsonl", rows), write_pairs(tmp_path / "other.jsonl", pairs(2))
    found = json.loads((train(data=data, eval_data=other, max_length=12).folder / "doctor.json").read_text())
    options = ["--model", str(folder), "--max-length", "12", "--other", str(other), "--json", str(tmp_path / "out")]
    main(["data", "check", str(data), *options])
    assert found == json.loads((tmp_path / "out").read_text())
    values = {check["name"]: check["value"] for check in found["checks"]}
    assert values["exact duplicates"] == "1 (7.7 %)" and values["prompts shared between splits"].startswith("2 ")


def test_what_makes_training_wrong_is_shown_at_once(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    rows = pairs()
    for row in rows[3:5]:
        row["prompt"] = f"<s> <s> {row['prompt']}"
    with pytest.raises(DataError, match=r"memory:4.*two BOS tokens '<s>'"):
        train(data=rows, progress=True)
    shown = " ".join(capsys.readouterr().err.split())
    # The error names the first of them; the check says how many there are.
    assert "records that cannot be rendered: 2 (16.7 %). memory:4:" in shown


def test_what_the_caller_hands_over_stays_as_it_was(folder: Path, tmp_path: Path) -> None:
    recipe = make_recipe(
        {"model": str(folder), "data": "in memory", "output": str(tmp_path / "run"), "max_steps": 1, "samples": 0}
    )
    given = Given(data=pairs())
    run(recipe, given, reporter=ProgressReporter(quiet=True))
    assert given == Given(data=pairs())
