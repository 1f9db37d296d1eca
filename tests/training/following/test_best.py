"""The best measurement of a run is kept, and a run that no longer improves ends early."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import penchant
from penchant.errors import CheckpointError, ConfigurationError
from penchant.training import Result
from penchant.training.following.best import Standing, standing
from penchant.training.following.watching import Watch
from penchant.training.recorder import Recorder
from small_runs import largest_gap, metrics, pairs, weights

Train = Callable[..., Result]
#: Held-out pairs with the preference turned round: the more a run learns, the worse they are.
AGAINST = [{"prompt": row["prompt"], "chosen": row["rejected"], "rejected": row["chosen"]} for row in pairs(6)]
WORSENING: dict[str, Any] = {"eval_data": AGAINST, "max_steps": 6, "eval_every": 2, "learning_rate": 1e-2}


def rows(*values: float) -> list[dict[str, Any]]:
    return [{"step": step, "eval_loss": value} for step, value in enumerate(values, 1)]


@pytest.mark.parametrize(
    ("values", "watch", "expected"),
    [
        ((3.0, 2.0, 2.5), Watch("loss", False, True), Standing(2, 2.0, 1)),
        ((3.0, 2.0, 2.5), Watch("loss", True, True), Standing(1, 3.0, 2)),
        # An improvement below min_delta is kept, but patience goes on counting from the last that was large enough.
        ((3.0, 2.95, 2.92, 2.4), Watch("loss", False, True, min_delta=0.5), Standing(4, 2.4, 0)),
        ((3.0, 2.95, 2.92), Watch("loss", False, True, min_delta=0.5), Standing(3, 2.92, 2)),
        ((float("nan"), 2.0, float("nan")), Watch("loss", False, True), Standing(2, 2.0, 1)),
        ((2.0, 2.0), Watch("loss", False, True), Standing(1, 2.0, 1)),
        ((float("nan"),), Watch("loss", False, True), None),
        ((), Watch("loss", False, True), None),
    ],
)
def test_the_standing_follows_from_the_log(values: tuple[float, ...], watch: Watch, expected: Standing | None) -> None:
    assert standing([{"step": 0, "loss": 9.0}, *rows(*values)], watch) == expected


def test_the_best_step_is_kept_measured_and_named(train: Train, drawing: None) -> None:
    best = train("best", keep="best", **WORSENING)
    held = metrics(best.folder, "eval")
    assert sorted(held) == [2, 4, 6] and held[2]["loss"] < held[4]["loss"] < held[6]["loss"]
    assert best.summary["kept"] == {"step": 2, "metric": "loss", "value": pytest.approx(held[2]["loss"])}
    assert best.summary["after"]["loss"] == pytest.approx(held[2]["loss"], abs=1e-6)
    # The model is that of a run that follows the same schedule and stops at the best step.
    assert largest_gap(weights(best.folder), weights(train("last", **WORSENING).folder)) > 1e-6
    assert "step 2" in best.report.read_text(encoding="utf-8")
    assert "step 2" in (best.folder / "model" / "README.md").read_text(encoding="utf-8")


def test_the_kept_weights_are_those_of_the_best_step(train: Train) -> None:
    constant = {**WORSENING, "schedule": "constant"}
    best, short = train("best", keep="best", **constant), train("short", **{**constant, "max_steps": 2})
    assert largest_gap(weights(best.folder), weights(short.folder)) == 0.0


def test_a_run_ends_when_its_patience_is_over(train: Train) -> None:
    run = train(early_stopping=1, **WORSENING)
    assert run.summary["steps"] == 4 and run.summary["planned_steps"] == 6
    assert "loss has not improved for 1 measurement" in run.summary["ended"]
    assert sorted(metrics(run.folder)) == [1, 2, 3, 4]
    assert "kept" not in run.summary, "without keep: best the last weights stay"


def test_the_last_step_is_measured_and_ten_measurements_are_the_default(train: Train) -> None:
    run = train(keep="best", metric="rewards/margin", max_steps=11, eval_data=pairs(4))
    assert sorted(metrics(run.folder, "eval")) == [2, 4, 6, 8, 10, 11]
    assert run.summary["kept"]["step"] == 11, "learning the held-out pairs, the margin grows to the end"


def test_one_checkpoint_that_is_not_the_best_is_kept_to_the_end(train: Train) -> None:
    run = train(keep="best", save_every=2, keep_checkpoints=1, **WORSENING)
    assert run.summary["kept"]["step"] == 2
    assert [path.name for path in run.folder.glob("checkpoints/*")] == ["checkpoint-6"]


@pytest.mark.parametrize("adapter", [{}, {"lora": {"rank": 2}}])
def test_a_stopped_run_keeps_the_same_weights(
    adapter: dict[str, Any], train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = {**WORSENING, **adapter, "keep": "best", "save_every": 3, "keep_checkpoints": 1}
    whole = train("whole", **recipe)
    write = Recorder.write

    def die(self: Recorder, at: int, split: str, numbers: dict[str, float]) -> None:
        write(self, at, split, numbers)
        if at == 5 and split == "train":
            raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "write", die)
        with pytest.raises(RuntimeError, match="killed"):
            train("parted", **recipe)
    parted = train("parted", resume=True, **recipe)
    assert parted.summary["kept"] == whole.summary["kept"] and parted.summary["kept"]["step"] == 2
    assert largest_gap(weights(parted.folder), weights(whole.folder)) == 0.0


def test_a_run_that_ended_early_is_not_trained_on(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = {**WORSENING, "keep": "best", "early_stopping": {"patience": 2}, "max_steps": 12}
    run = train(**recipe)
    kept, log = weights(run.folder), (run.folder / "metrics.jsonl").read_text()
    again = train(resume=True, progress=True, **recipe)
    assert "are already done" in capsys.readouterr().err
    assert again.summary["steps"] == run.summary["steps"] == 6
    assert largest_gap(kept, weights(again.folder)) == 0.0 and (run.folder / "metrics.jsonl").read_text() == log


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"keep": "best", "metric": "rewards/margn"},
            r"no held-out metric 'rewards/margn'. Did you mean 'rewards/margin'",
        ),
        ({"keep": "best", "metric": "kl"}, "not known whether a larger or a smaller value of 'kl' is better"),
        ({"metric": "loss"}, "nothing follows it"),
        ({"keep": "best", "metric": "kl", "metric_goal": "maximal"}, "metric_goal"),
        ({"early_stopping": {"patience": 0}}, "early_stopping.patience"),
        ({"early_stopping": {"patiance": 3}}, "Did you mean 'patience'"),
    ],
)
def test_a_metric_that_cannot_be_followed_is_refused_before_training(
    keys: dict[str, Any], message: str, train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        train(eval_data=pairs(4), progress=True, **keys)
    assert not (tmp_path / "run").exists(), "a start that fails leaves nothing behind"
    assert "Measuring" not in capsys.readouterr().err, "and does not measure all data first"


def test_a_goal_makes_any_metric_followable(train: Train) -> None:
    run = train(keep="best", metric="kl", metric_goal="max", eval_data=pairs(4), learning_rate=1e-2)
    assert run.summary["kept"]["step"] == 3


@pytest.mark.parametrize(("keep", "left"), [(1, ["checkpoint-3"]), (2, ["checkpoint-2", "checkpoint-3"]), (0, [])])
def test_as_many_checkpoints_stay_as_the_recipe_says(keep: int, left: list[str], train: Train) -> None:
    run = train(save_every=1, keep_checkpoints=keep)
    assert sorted(path.name for path in run.folder.glob("checkpoints/*")) == left


def test_none_are_written_and_resuming_says_why_it_cannot(train: Train) -> None:
    run = train(checkpoints="none", keep="best", eval_data=pairs(4))
    assert not (run.folder / "checkpoints").exists() and run.summary["kept"]
    with pytest.raises(CheckpointError, match="keeps no checkpoints"):
        train(checkpoints="none", keep="best", eval_data=pairs(4), resume=True)


def test_weights_alone_are_a_model_and_are_not_resumed(train: Train, tmp_path: Path) -> None:
    run = train(checkpoints="weights", save_every=2)
    kept = run.folder / "checkpoints" / "checkpoint-2"
    assert not (kept / "optimizer.pt").exists() and (kept / "tokenizer.json").is_file()
    penchant.train(kept, pairs(), output=tmp_path / "next", max_steps=1, samples=0)
    with pytest.raises(CheckpointError, match=r"holds weights without the state of the optimizer"):
        train(checkpoints="weights", save_every=2, resume=True)


def test_a_recipe_without_the_newer_keys_goes_on(train: Train) -> None:
    run = train(save_every=1)
    former = yaml.safe_load((run.folder / "recipe.yaml").read_text())
    for key in ("keep", "checkpoints", "hub_private", "schedule_arguments", "optimizer_arguments"):
        del former[key]
    (run.folder / "recipe.yaml").write_text(yaml.safe_dump(former))
    assert (
        train(save_every=1, resume=True).summary["after"]
        == json.loads((run.folder / "summary.json").read_text())["after"]
    )
