"""A run that was stopped, killed or damaged goes on as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import pytest
import torch
from annotated_types import Gt
from torch import Tensor

import penchant
from penchant.errors import CheckpointError, ConfigurationError, OutputError
from penchant.objectives import Scored
from penchant.objectives.core.objective import Needs, Objective
from penchant.training import Result
from small_runs import largest_gap, losses, metrics, pairs, stopped_after, weights, write_pairs

Train = Callable[..., Result]
EXACT = 1e-6
STEPS = 8
RECIPE: dict[str, Any] = {
    "batch_size": 4,
    "max_steps": STEPS,
    "learning_rate": 1e-3,
    "save_every": 2,
    "keep_checkpoints": 4,
    "samples": 0,
}


class Remembering(Objective):
    """A margin against a running mean, with a trainable temperature: state of both kinds."""

    id = "remembering-test"
    family = "pairwise"
    needs = Needs(reference=True)
    beta: Annotated[float, Gt(0), "scale"] = 0.1

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.register_buffer("mean", torch.zeros(()))
        self.temperature = torch.nn.Parameter(torch.ones(()))

    def loss(self, chosen: Scored, rejected: Scored) -> Tensor:
        margin = self.beta * (chosen.logratio - rejected.logratio)
        if self.training:
            self.mean.mul_(0.9).add_(0.1 * (margin.detach().mean() + 1.0))
        return (self.temperature * (margin - self.mean) - 1.0) ** 2


@pytest.fixture(scope="module")
def whole(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The uninterrupted run."""
    return penchant.train(folder, pairs(), output=tmp_path_factory.mktemp("whole") / "run", **RECIPE).folder


@pytest.fixture
def stopped(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that died in step 7, with checkpoints of steps 2, 4 and 6."""
    output = tmp_path / "run"
    stopped_after(7, lambda: penchant.train(folder, pairs(), output=output, **RECIPE), monkeypatch)
    assert sorted(path.name for path in (output / "checkpoints").iterdir()) == [f"checkpoint-{n}" for n in (2, 4, 6)]
    return output


def same(run: Path, other: Path) -> None:
    assert losses(run) == pytest.approx(losses(other), abs=EXACT)
    assert largest_gap(weights(run), weights(other)) < EXACT
    for step, row in metrics(other).items():
        assert metrics(run)[step]["rewards/margin"] == pytest.approx(row["rewards/margin"], abs=1e-5)
    assert metrics(run, "eval").keys() == metrics(other, "eval").keys()


def again(folder: Path, run: Path, **changed: Any) -> Result:
    return penchant.train(**{"model": folder, "data": pairs(), "output": run, "resume": True, **RECIPE, **changed})


def test_a_dead_run_goes_on_as_the_whole_one(folder: Path, stopped: Path, whole: Path) -> None:
    assert len(metrics(stopped)) == 7
    result = again(folder, stopped)
    same(stopped, whole)
    first = json.loads((whole / "summary.json").read_text())
    assert result.summary["before"] == pytest.approx(first["before"], abs=1e-5)
    assert result.summary["after"] == pytest.approx(first["after"], abs=1e-5)


@pytest.mark.parametrize("damage", ["truncated", "unsealed", "torn seal", "missing"])
def test_a_damaged_checkpoint_is_passed_over_and_named(
    damage: str, folder: Path, stopped: Path, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    newest = stopped / "checkpoints" / "checkpoint-6"
    if damage == "truncated":
        content = (newest / "model.safetensors").read_bytes()
        (newest / "model.safetensors").write_bytes(content[: len(content) // 2])
    elif damage == "unsealed":
        (newest / "complete.json").unlink()
    elif damage == "torn seal":
        (newest / "complete.json").write_text('{"model.saf')
    else:
        (newest / "optimizer.pt").unlink()
    result = again(folder, stopped, progress=True)
    same(stopped, whole)
    told = " ".join(capsys.readouterr().err.split())
    assert "checkpoint-6 cannot be used" in told and "Continuing from checkpoint-4" in told
    assert any("checkpoint-6" in warning for warning in result.summary["warnings"])


def test_without_a_sound_checkpoint_nothing_is_guessed(folder: Path, stopped: Path) -> None:
    for checkpoint in (stopped / "checkpoints").iterdir():
        (checkpoint / "trainer_state.json").write_text("{")
    with pytest.raises(
        CheckpointError, match=r"No checkpoint can be used.*checkpoint-6: trainer_state.json has 1 bytes"
    ):
        again(folder, stopped)
    assert len(metrics(stopped)) == 7, "what the run has recorded stays"


def test_a_changed_recipe_is_refused_by_its_key(folder: Path, stopped: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"learning_rate = 0.001, but this recipe has 0.01"):
        again(folder, stopped, learning_rate=1e-2)
    with pytest.raises(ConfigurationError, match="objective"):
        again(folder, stopped, objective=penchant.objectives.DPO(beta=0.5))


def test_changed_data_and_a_changed_model_are_refused(folder: Path, stopped: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="The data has changed since the run was started"):
        again(folder, stopped, data=pairs(10))
    in_place = penchant.train(folder, pairs(), output=tmp_path / "other", **{**RECIPE, "max_steps": 1})
    recipe = {**RECIPE, "max_steps": 2, "output": tmp_path / "memory", "tokenizer": in_place.tokenizer}
    penchant.train(in_place.model, pairs(), **recipe)
    # The model in memory is the trained one by now: as a reference it would be wrong.
    with pytest.raises(ConfigurationError, match="The model has changed since the run was started"):
        penchant.train(in_place.model, pairs(), resume=True, **recipe)


def test_a_finished_run_is_not_trained_again(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    penchant.train(folder, pairs(), output=run, **{**RECIPE, "max_steps": 2})
    before, rows = weights(run), (run / "metrics.jsonl").read_text()
    (run / "report.html").unlink()
    again(folder, run, max_steps=2, progress=True)
    assert "All 2 steps are already done" in capsys.readouterr().err
    assert largest_gap(before, weights(run)) == 0.0 and (run / "metrics.jsonl").read_text() == rows
    assert (run / "report.html").is_file()


def test_resuming_nothing_starts_at_the_beginning(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again(folder, tmp_path / "new", max_steps=1, progress=True)
    assert "There is no checkpoint to continue from" in capsys.readouterr().err
    assert losses(tmp_path / "new")


def test_resume_does_not_move_into_a_folder_of_other_things(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "to_my_mother.txt").write_text("Dear mother")
    with pytest.raises(OutputError, match="files that are not a run"):
        again(folder, tmp_path / "letters")
    assert [path.name for path in (tmp_path / "letters").iterdir()] == ["to_my_mother.txt"]


def test_what_an_objective_has_learned_survives(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entire, parted = Remembering(), Remembering()
    penchant.train(folder, pairs(), entire, tmp_path / "entire", **{**RECIPE, "max_steps": 5})
    recipe = {**RECIPE, "max_steps": 5, "output": tmp_path / "parted"}
    stopped_after(3, lambda: penchant.train(folder, pairs(), Remembering(), **recipe), monkeypatch)
    penchant.train(folder, pairs(), parted, resume=True, **recipe)
    same(tmp_path / "parted", tmp_path / "entire")
    assert entire.mean.item() != 0.0 and entire.temperature.item() != 1.0
    assert parted.mean.item() == pytest.approx(entire.mean.item(), abs=EXACT)
    assert parted.temperature.item() == pytest.approx(entire.temperature.item(), abs=EXACT)


def test_labels_that_are_kept_for_every_record_survive(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entire, parted, split = (penchant.objectives.POWERDL(gamma=0.5) for _ in range(3))
    recipe = {**RECIPE, "max_steps": None, "epochs": 2.0}
    penchant.train(folder, pairs(10), entire, tmp_path / "entire", **recipe)
    output = {**recipe, "output": tmp_path / "parted"}
    dying = penchant.objectives.POWERDL(gamma=0.5)
    # Ten pairs are three steps an epoch: it dies in the second, and goes on from the fourth step.
    stopped_after(5, lambda: penchant.train(folder, pairs(10), dying, **output), monkeypatch)
    penchant.train(folder, pairs(10), parted, resume=True, **output)
    same(tmp_path / "parted", tmp_path / "entire")
    assert len(losses(tmp_path / "entire")) == 6 and entire.labels.shape == (10,)
    assert (entire.labels < 1).all(), "every record was visited"
    torch.testing.assert_close(parted.labels, entire.labels, rtol=0, atol=EXACT)
    # In parts of one, the last step of an epoch leaves micro-batches empty; what fills them is no visit.
    penchant.train(folder, pairs(10), split, tmp_path / "split", accumulate=4, **recipe)
    torch.testing.assert_close(split.labels, entire.labels, rtol=0, atol=EXACT)
    same(tmp_path / "split", tmp_path / "entire")


def test_trainable_parts_of_an_objective_see_the_gradient_of_their_own_step(folder: Path, tmp_path: Path) -> None:
    objective = Remembering()
    seen: list[float] = []
    objective.temperature.register_hook(lambda gradient: seen.append(gradient.item()))
    recipe = {
        **RECIPE,
        "max_steps": 4,
        "optimizer": "sgd",
        "schedule": "constant",
        "warmup": 0.0,
        "learning_rate": 0.01,
        "max_grad_norm": 0.0,  # the hook sees gradients before they are clipped
    }
    penchant.train(folder, pairs(), objective, tmp_path / "run", accumulate=1, **recipe)
    assert len(seen) == 4
    # Gradients that were never cleared would be counted again in every later step.
    assert objective.temperature.item() == pytest.approx(1.0 - 0.01 * sum(seen), abs=EXACT)


def test_the_held_out_data_leave_no_trace_in_an_objective(folder: Path, tmp_path: Path) -> None:
    first, second = Remembering(), Remembering()
    penchant.train(folder, pairs(), first, tmp_path / "a", **{**RECIPE, "max_steps": 4})
    penchant.train(folder, pairs(), second, tmp_path / "b", eval_every=1, **{**RECIPE, "max_steps": 4})
    assert first.mean.item() == second.mean.item()
    assert losses(tmp_path / "a") == losses(tmp_path / "b")


def command(folder: Path, data: Path, output: Path, *more: str) -> list[str]:
    keys = [f"{key}={value}" for key, value in {**RECIPE, "max_steps": 40}.items()]
    start = [sys.executable, "-m", "penchant", "train", "--model", str(folder), "--data", str(data)]
    return [*start, "--out", str(output), *keys, *more]


def launch(arguments: list[str]) -> subprocess.Popen[str]:
    source = str(Path(penchant.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": source, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_step(process: subprocess.Popen[str], run: Path, step: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        path = run / "metrics.jsonl"
        if path.is_file() and path.read_text(encoding="utf-8").count("\n") >= step:
            return
        time.sleep(0.01)
    process.kill()
    raise AssertionError(f"step {step} was never reached: {process.communicate()[1][-3000:]}")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_a_stopped_command_goes_on_to_the_same_end(number: signal.Signals, folder: Path, tmp_path: Path) -> None:
    data, run = write_pairs(tmp_path / "pairs.jsonl"), tmp_path / "run"
    process = launch(command(folder, data, run))
    wait_for_step(process, run, 7)
    process.send_signal(number)
    _output, said = process.communicate(timeout=120)
    rows = (run / "metrics.jsonl").read_text(encoding="utf-8")
    done = rows[: rows.rindex("\n")].count('"train"')
    assert 7 <= done < 40
    if number == signal.SIGINT:
        assert process.returncode == 130, said
        told = " ".join(said.split())
        assert f"Stopped at step {done} of 40; a checkpoint was saved" in told and "--resume" in told
        assert (run / "checkpoints" / f"checkpoint-{done}" / "complete.json").is_file()
    entire = penchant.train(folder, data, output=tmp_path / "entire", **{**RECIPE, "max_steps": 40}).folder
    again(folder, run, data=data, max_steps=40)
    same(run, entire)


@pytest.mark.parametrize(
    "changed",
    [
        {"lora": {"rank": 2}},
        {"reference": "cached"},
        {"accumulate": 2},
        # Of four pairs one is drawn, so that a lost state of the generator is seen.
        {"objective": {"name": "beta-dpo", "filter_ratio": 0.75}},
    ],
    ids=str,
)
def test_every_kind_of_run_goes_on(
    changed: dict[str, Any], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENCHANT_CACHE", str(tmp_path / "cache"))
    recipe = {**RECIPE, "max_steps": 4, "learning_rate": 1e-2, "eval_every": 2, **changed}
    penchant.train(folder, pairs(), output=tmp_path / "entire", **recipe)
    run = tmp_path / "parted"
    stopped_after(3, lambda: penchant.train(folder, pairs(), output=run, **recipe), monkeypatch)
    again(folder, run, **recipe)
    same(run, tmp_path / "entire")
    assert metrics(run)[1]["rewards/ties"] == 1.0 and metrics(run)[4]["rewards/ties"] < 1.0


def test_the_saved_model_keeps_its_own_setting_of_the_cache(folder: Path, whole: Path) -> None:
    said = [json.loads((place / "config.json").read_text())["use_cache"] for place in (folder, whole / "model")]
    assert said == [True, True]


def test_what_a_kill_cut_short_is_deleted_when_the_run_goes_on(folder: Path, stopped: Path, whole: Path) -> None:
    (stopped / "checkpoints" / "checkpoint-2" / "complete.json").unlink()  # as if its deletion had begun
    (stopped / "model").mkdir()
    (stopped / "model" / ".tmpAbCdEf").write_bytes(b"weights that were being written")
    again(folder, stopped)
    same(stopped, whole)
    assert not (stopped / "checkpoints" / "checkpoint-2").exists()
    assert not (stopped / "model" / ".tmpAbCdEf").exists()
