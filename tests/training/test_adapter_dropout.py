"""Dropout in the adapter: a step is the same whole, split, checkpointed and resumed, and measurements are exact."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import penchant
from penchant.training import Result
from penchant.training.recorder import Recorder
from small_runs import largest_gap, losses, metrics, pairs, weights

Train = Callable[..., Result]
LORA: dict[str, Any] = {"lora": {"rank": 4, "dropout": 0.4}, "learning_rate": 0.1, "max_steps": 4}


@pytest.fixture
def whole(train: Train) -> Path:
    return train("whole", **LORA, accumulate=1).folder


@pytest.mark.parametrize(
    "changed", [{"accumulate": 4}, {"gradient_checkpointing": True}, {"attention": "sequences"}, {"attention": "dense"}]
)
def test_how_a_step_is_computed_does_not_change_what_is_dropped(
    changed: dict[str, Any], train: Train, whole: Path
) -> None:
    other = train("other", **{"accumulate": 1, **LORA, **changed}).folder
    assert losses(other) == pytest.approx(losses(whole), abs=1e-5)
    assert largest_gap(weights(other), weights(whole)) < 1e-4


def test_it_changes_training_and_nothing_else(train: Train, whole: Path, folder: Path) -> None:
    plain = train("plain", **{**LORA, "lora": {"rank": 4}}, accumulate=1, eval_data=pairs(3), eval_every=4)
    assert losses(whole)[0] == losses(plain.folder)[0]  # a new adapter adds nothing yet
    assert abs(losses(whole)[-1] - losses(plain.folder)[-1]) > 1e-4
    measured = train("measured", **LORA, accumulate=1, eval_data=pairs(3), eval_every=4)
    assert losses(measured.folder) == losses(whole)
    before = measured.summary["before"]
    assert before["rewards/margin"] == 0.0 and before["loss"] == pytest.approx(plain.summary["before"]["loss"])
    # What is saved scores what was reported.
    summary = penchant.score(measured.folder / "model", pairs(3), reference=folder, beta=0.1).summary()
    assert summary["margin/reward"] == pytest.approx(metrics(measured.folder, "eval")[4]["rewards/margin"], abs=1e-4)


class Stop(Exception):
    pass


def test_a_resumed_run_drops_what_it_would_have_dropped(
    train: Train, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Recorder.write

    def write_and_die(self: Recorder, at: int, split: str, numbers: dict[str, float]) -> None:
        write(self, at, split, numbers)
        if at == 3 and split == "train":
            raise Stop

    run: dict[str, Any] = {**LORA, "accumulate": 1, "save_every": 2}
    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "write", write_and_die)
        with pytest.raises(Stop):
            train("resumed", **run)
    again = train("resumed", **run, resume=True).folder
    assert losses(again) == pytest.approx(losses(whole), abs=1e-6)
    assert largest_gap(weights(again), weights(whole)) < 1e-5


def test_a_given_adapter_is_trained_on_with_dropout(train: Train, tmp_path: Path) -> None:
    first = train("first", **LORA)
    again = train("again", model=first.folder / "adapter", adapter="continue", lora={"dropout": 0.5}, max_steps=2)
    plain = train("plain", model=first.folder / "adapter", adapter="continue", max_steps=2)
    assert losses(again.folder)[0] != losses(plain.folder)[0]
