"""A damaged checkpoint, or one of another run, is named and passed over; the run ends with the same bits."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import penchant
from damage import DAMAGES, flip
from penchant.errors import CheckpointError
from penchant.training.checkpoints import find_checkpoint, rotate, seal
from small_runs import largest_gap, losses, metrics, pairs, stopped_after, weights

#: Every file of a checkpoint of a run on one process.
FILES = (
    "complete.json",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "notes.json",
    "objective.pt",
    "optimizer.pt",
    "rng_state.pth",
    "scheduler.pt",
    "trainer_state.json",
    "training_args.bin",
)
RECIPE: dict[str, Any] = {
    "batch_size": 4,
    "max_steps": 5,
    "learning_rate": 1e-3,
    "save_every": 2,
    "keep_checkpoints": 4,
    "samples": 0,
    # Of four pairs one is drawn, so that a lost state of the generator is seen.
    "objective": {"name": "beta-dpo", "filter_ratio": 0.75},
}


@pytest.fixture(scope="module")
def patches() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("penchant.evaluation.report.write_report", lambda run: run / "report.html")
        yield patch


@pytest.fixture(scope="module")
def whole(folder: Path, tmp_path_factory: pytest.TempPathFactory, patches: pytest.MonkeyPatch) -> Path:
    """The uninterrupted run."""
    return penchant.train(folder, pairs(), output=tmp_path_factory.mktemp("whole") / "run", **RECIPE).folder


@pytest.fixture(scope="module")
def stopped(folder: Path, tmp_path_factory: pytest.TempPathFactory, patches: pytest.MonkeyPatch) -> Path:
    """A run that died in step 5, with checkpoints of steps 2 and 4; each test has a copy."""
    output = tmp_path_factory.mktemp("stopped") / "run"
    stopped_after(5, lambda: penchant.train(folder, pairs(), output=output, **RECIPE), patches)
    assert sorted(path.name for path in (output / "checkpoints/checkpoint-4").iterdir()) == sorted(FILES)
    return output


@pytest.fixture(scope="module")
def other(folder: Path, tmp_path_factory: pytest.TempPathFactory, patches: pytest.MonkeyPatch) -> Path:
    """Another run that died at the same place."""
    output = tmp_path_factory.mktemp("other") / "run"
    recipe = {**RECIPE, "seed": 5, "learning_rate": 2e-3}
    stopped_after(5, lambda: penchant.train(folder, pairs(8), output=output, **recipe), patches)
    return output


@pytest.fixture
def run(stopped: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stopped, tmp_path / "run"))


def resumed(folder: Path, run: Path, **changed: Any) -> dict[str, Any]:
    recipe = {**RECIPE, **changed}
    return penchant.train(folder, pairs(), output=run, resume=True, **recipe).summary


@pytest.mark.parametrize("number", range(len(FILES)), ids=FILES)
def test_the_run_ends_with_the_same_bits(number: int, folder: Path, run: Path, whole: Path) -> None:
    damage = list(DAMAGES.values())[number % len(DAMAGES)]
    damage(run / "checkpoints/checkpoint-4" / FILES[number])
    (said,) = [text for text in resumed(folder, run)["warnings"] if "cannot be used" in text]
    named = "incomplete" if FILES[number] == "complete.json" and damage is Path.unlink else FILES[number]
    assert said.startswith("checkpoint-4 cannot be used") and named in said and "falling back to checkpoint-2" in said
    assert largest_gap(weights(run), weights(whole)) == 0.0 and losses(run) == losses(whole)


@pytest.mark.parametrize("damage", DAMAGES)
def test_no_damage_to_any_file_is_missed(damage: str, run: Path, caplog: pytest.LogCaptureFixture) -> None:
    checkpoints = run / "checkpoints"
    for name in FILES:
        path = checkpoints / "checkpoint-4" / name
        content = path.read_bytes()
        DAMAGES[damage](path)
        assert find_checkpoint(checkpoints) == checkpoints / "checkpoint-2", name
        assert name in caplog.text or (name, damage) == ("complete.json", "deleted")
        path.write_bytes(content)
        caplog.clear()
    assert find_checkpoint(checkpoints) == checkpoints / "checkpoint-4"


@pytest.mark.parametrize("name", [name for name in FILES if name not in ("config.json", "generation_config.json")])
def test_a_file_of_another_run_is_named(name: str, run: Path, other: Path, caplog: pytest.LogCaptureFixture) -> None:
    place = Path("checkpoints/checkpoint-4") / name
    assert (run / place).read_bytes() != (other / place).read_bytes()
    shutil.copy(other / place, run / place)
    about = {"run": json.loads((run / "run.json").read_text())["id"]}
    assert find_checkpoint(run / "checkpoints", about) == run / "checkpoints/checkpoint-2"
    assert name in caplog.text or name == "complete.json"


def test_a_checkpoint_of_another_run_is_passed_over(folder: Path, run: Path, other: Path, whole: Path) -> None:
    shutil.rmtree(run / "checkpoints/checkpoint-4")
    shutil.copytree(other / "checkpoints/checkpoint-4", run / "checkpoints/checkpoint-4")
    (said,) = [text for text in resumed(folder, run)["warnings"] if "cannot be used" in text]
    assert "checkpoint-4" in said and "it belongs to another run" in said and "falling back to checkpoint-2" in said
    assert largest_gap(weights(run), weights(whole)) == 0.0


def test_when_no_good_one_is_left_it_says_so(folder: Path, run: Path) -> None:
    for step in (2, 4):
        flip(run / f"checkpoints/checkpoint-{step}/rng_state.pth")
    with pytest.raises(
        CheckpointError, match=r"No checkpoint can be used.*checkpoint-4: rng_state.*checkpoint-2: rng_state"
    ):
        resumed(folder, run)


def test_the_recipe_of_the_folder_is_not_taken_for_that_of_its_checkpoints(folder: Path, run: Path) -> None:
    path = run / "recipe.yaml"
    path.write_text(path.read_text().replace("learning_rate: 0.001", "learning_rate: 0.002"))
    with pytest.raises(CheckpointError, match="it was made with another recipe"):
        resumed(folder, run, learning_rate=2e-3)


@pytest.mark.parametrize("name", ["run.json", "origin.json"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_what_a_run_is_stands_in_its_checkpoints_too(
    name: str, damage: str, folder: Path, run: Path, whole: Path
) -> None:
    DAMAGES[damage](run / name)
    warnings = resumed(folder, run)["warnings"]
    assert not any("cannot be used" in text for text in warnings)
    assert largest_gap(weights(run), weights(whole)) == 0.0


def test_a_run_of_an_earlier_version_goes_on(folder: Path, run: Path, whole: Path) -> None:
    (run / "run.json").unlink()
    origin = json.loads((run / "origin.json").read_text())
    (run / "origin.json").write_text(json.dumps({name: origin[name] for name in ("model", "data")}))
    for step in (2, 4):
        place = run / f"checkpoints/checkpoint-{step}"
        (place / "notes.json").unlink()
        (place / "complete.json").unlink()
        sizes = {path.name: path.stat().st_size for path in place.iterdir()}
        (place / "complete.json").write_text(json.dumps(sizes))
    assert not any("cannot be used" in text for text in resumed(folder, run)["warnings"])
    assert largest_gap(weights(run), weights(whole)) == 0.0 and metrics(run).keys() == metrics(whole).keys()


def test_checkpoints_that_were_passed_over_do_not_push_out_good_ones(tmp_path: Path) -> None:
    for step in (2, 4, 6):
        (tmp_path / f"checkpoint-{step}").mkdir()
        seal(tmp_path / f"checkpoint-{step}")
    rotate(tmp_path, 2, newest=4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-2", "checkpoint-4"]


def test_the_weights_of_the_best_step_are_part_of_its_checkpoint(folder: Path, tmp_path: Path) -> None:
    recipe = {**RECIPE, "keep": "best", "eval_every": 2, "learning_rate": 1e-2, "max_steps": 6}
    whole = penchant.train(folder, pairs(), output=tmp_path / "whole", **recipe)
    run, kept = tmp_path / "run", whole.summary["kept"]["step"]
    with pytest.MonkeyPatch.context() as patch:
        stopped_after(5, lambda: penchant.train(folder, pairs(), output=run, **recipe), patch)
    assert kept in (2, 4), "the best step comes before the last checkpoint"
    flip(run / f"best/step-{kept}/model.safetensors")
    if kept == 2:
        with pytest.raises(CheckpointError, match=r"weights of its best step, 2, cannot be used: model\.safetensors"):
            resumed(folder, run, **recipe)
    else:
        (said,) = [each for each in resumed(folder, run, **recipe)["warnings"] if "cannot be used" in each]
        assert "weights of its best step" in said
        assert largest_gap(weights(run), weights(whole.folder)) == 0.0
