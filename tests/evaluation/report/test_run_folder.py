"""Reading a run folder: what the files say, nothing more, whatever state they are in."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.evaluation.report import read_run


def test_a_whole_run_is_read_without_notes(run_folder: Path) -> None:
    run = read_run(run_folder)
    rows = [json.loads(line) for line in (run_folder / "metrics.jsonl").read_text().splitlines()]
    assert run.notes == ()
    for split, curves in (("train", run.train), ("eval", run.held_out)):
        written = {row["step"]: row["loss"] for row in rows if row["split"] == split}
        assert dict(zip(curves["loss"].steps.tolist(), curves["loss"].values.tolist(), strict=True)) == written
    assert run.recipe["objective.beta"] == 0.1
    assert run.objective == "dpo"
    assert run.last_step == 75


@pytest.mark.parametrize("cut", range(1, 200, 13))
def test_a_torn_last_line_loses_only_itself(cut: int, run_folder: Path) -> None:
    metrics = run_folder / "metrics.jsonl"
    whole = read_run(run_folder)
    metrics.write_text(metrics.read_text().rstrip("\n")[:-cut])
    torn = read_run(run_folder)
    assert len(torn.notes) == 1 and "middle of a line" in torn.notes[0]
    assert torn.held_out["loss"].steps.tolist() == whole.held_out["loss"].steps.tolist()[:-1]
    assert torn.train["loss"].values.tolist() == whole.train["loss"].values.tolist()


def test_unreadable_lines_in_the_middle_are_named(run_folder: Path) -> None:
    metrics = run_folder / "metrics.jsonl"
    lines = metrics.read_text().splitlines()
    lines[4], lines[8] = "not json", '["no", "object"]'
    metrics.write_text("\n".join(lines) + "\n")
    assert read_run(run_folder).notes == ("metrics.jsonl: 2 unreadable line(s) left out (line 5, 9).",)


@pytest.mark.parametrize("name", ["summary.json", "rewards.json", "samples.json", "doctor.json"])
def test_a_torn_json_file_is_left_out_and_named(name: str, run_folder: Path) -> None:
    file = run_folder / name
    file.write_text(file.read_text()[:-5])
    run = read_run(run_folder)
    assert not getattr(run, name.removesuffix(".json"))
    assert [note for note in run.notes if note.startswith(name)] == list(run.notes)
    assert len(run.notes) == 1


def test_a_recipe_that_is_not_yaml_is_still_shown(run_folder: Path) -> None:
    (run_folder / "recipe.yaml").write_text("a: [1, 2\nb: }")
    run = read_run(run_folder)
    assert run.recipe == {} and run.recipe_text.startswith("a: [1, 2")
    assert "recipe.yaml is not valid YAML" in run.notes[0]


def test_a_resumed_run_counts_its_later_lines(run_folder: Path) -> None:
    metrics = run_folder / "metrics.jsonl"
    again = json.dumps({"step": 10, "split": "train", "loss": 0.125})
    metrics.write_text(metrics.read_text() + again + "\n")
    loss = read_run(run_folder).train["loss"]
    assert loss.steps.tolist() == list(range(1, 76))
    assert loss.values[9] == 0.125


@settings(deadline=None)
@given(values=st.lists(st.floats() | st.none() | st.booleans() | st.text(max_size=3), max_size=8))
def test_curves_hold_numbers_and_nan_only(values: list[object], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("run")
    rows = [{"step": step, "split": "train", "loss": value} for step, value in enumerate(values)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    numbers = {step: value for step, value in enumerate(values) if isinstance(value, float)}
    train = read_run(folder).train
    if not numbers:
        assert train == {}
        return
    assert train["loss"].steps.tolist() == list(numbers)
    expected = [value if math.isfinite(value) else math.nan for value in numbers.values()]
    np.testing.assert_array_equal(train["loss"].values, expected)
