"""The plan of memory: before any weights are read, the same as the dry run says, by process."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from penchant.cli.app import main
from penchant.training import Recipe, make_recipe
from penchant.training.dry_run import facts
from penchant.training.planning import plan_memory
from penchant.training.preparation import Given, prepare
from penchant.training.progress import ProgressReporter
from small_runs import pairs, write_pairs


@pytest.fixture
def recipe(folder: Path, tmp_path: Path) -> Recipe:
    """A run whose model folder has no weights."""
    bare = shutil.copytree(folder, tmp_path / "bare", ignore=shutil.ignore_patterns("*.safetensors"))
    data = write_pairs(tmp_path / "pairs.jsonl", pairs())
    return make_recipe({"model": str(bare), "data": str(data), "batch_size": 4, "device": "cpu"})


def changed(recipe: Recipe, **keys: Any) -> Recipe:
    return make_recipe({**recipe.model_dump(exclude_none=True), **keys})


def test_the_plan_needs_no_weights_and_says_what_the_dry_run_says(recipe: Recipe) -> None:
    found = plan_memory(recipe)
    assert found.steps == 3 and found.parts["weights"] > 0
    told = facts(recipe, prepare(recipe, Given(), ProgressReporter(quiet=True)))
    assert told["memory"].endswith(f"about {found.total / 2**20:.0f} MiB at the peak")
    assert told["model"] == found.model


def test_the_largest_micro_batch_holds_whole_examples(recipe: Recipe) -> None:
    whole, parts = plan_memory(changed(recipe, accumulate=1)), plan_memory(changed(recipe, accumulate=3))
    assert whole.micro_batch == whole.largest_step
    assert whole.largest_step / 2 <= parts.micro_batch < whole.largest_step, "two of four examples"
    assert parts.parts["activations"] < whole.parts["activations"] and parts.parts["weights"] == whole.parts["weights"]


def test_reference_and_processes(recipe: Recipe) -> None:
    one = plan_memory(recipe)
    assert one.parts["reference"] == one.parts["weights"]
    for free in ({"reference": "cached"}, {"lora": True}, {"objective": "simpo"}):
        assert "reference" not in plan_memory(changed(recipe, **free)).parts
    two = plan_memory(recipe, processes=2)
    assert two.parts["optimizer"] == one.parts["optimizer"] / 2 and two.micro_batch <= one.micro_batch


def test_the_command_prints_the_parts_and_writes_them(
    recipe: Recipe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [f"model={recipe.model}", f"data={recipe.data}", "device=cpu", "batch_size=4"]
    out = tmp_path / "plan.json"
    assert main(["plan", *words, "--json", str(out)]) == 0
    printed = capsys.readouterr()
    assert "at the peak" in printed.out and "optimizer" in printed.out and " MiB " in printed.out
    written = json.loads(out.read_text())
    assert written == plan_memory(recipe).as_json() and written["total"] > written["parts"]["weights"]
    assert main(["plan", *words, "--json", str(tmp_path / "no" / "plan.json")]) == 1
    assert "there is no folder" in capsys.readouterr().err
    assert main(["plan", f"model={tmp_path / 'absent'}", *words[1:]]) == 1
