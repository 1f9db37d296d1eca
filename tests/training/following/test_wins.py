"""Win rates of sampled responses during training: measured, shown, and harmless to the training."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
import yaml

import penchant
from penchant.cli.app import main
from penchant.errors import ConfigurationError, DataError, ModelError
from penchant.feedback.records import Text
from penchant.rewards.judge import Judge
from penchant.training import Result
from small_runs import largest_gap, losses, metrics, pairs, stopped_after, weights, write_pairs

Train = Callable[..., Result]
EVAL: dict[str, Any] = {"judge": {"name": "noisy-test"}, "prompts": 4, "max_new_tokens": 6, "temperature": 1.0}


class Noisy(Judge):
    """Counts characters, and draws from every global random state; fails from a call on, if told so."""

    id = "noisy-test"
    calls: ClassVar[int] = 0
    fails_from: ClassVar[float] = math.inf

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        random.random(), torch.rand(3)
        type(self).calls += 1
        if self.calls > self.fails_from:
            raise ModelError("The server is gone.", where="http://localhost:9")
        return [float(len(each)) for each in responses]


@pytest.fixture(autouse=True)
def fresh() -> None:
    Noisy.calls, Noisy.fails_from = 0, math.inf


def test_the_win_rate_stands_in_the_log_the_summary_and_the_report(train: Train, drawing: None) -> None:
    run = train(eval=EVAL, eval_every=1, eval_data=pairs(6), learning_rate=0.5)
    rows = metrics(run.folder, "eval")
    assert sorted(rows) == [1, 2, 3]
    for row in rows.values():
        assert 0 <= row["judge/win_rate/low"] <= row["judge/win_rate"] <= row["judge/win_rate/high"] <= 1
    # Before training the policy is the reference, with the same seed.
    assert run.summary["before"]["judge/win_rate"] == 0.5
    assert run.summary["after"]["judge/win_rate"] == rows[3]["judge/win_rate"] != 0.5
    ends = [rows[3]["judge/win_rate/low"], rows[3]["judge/win_rate/high"]]
    assert run.summary["intervals"]["judge/win_rate"] == ends
    page = run.report.read_text(encoding="utf-8")
    assert "Win rate of sampled responses, by the judge" in page and "judge/win_rate/low" not in page
    assert "win rate of sampled responses" in (run.folder / "model" / "README.md").read_text(encoding="utf-8")


def test_the_training_is_that_of_a_run_without_it(train: Train) -> None:
    plain = train("plain", optimizer="adamw_torch", eval_every=1)
    judged = train("judged", optimizer="adamw_torch", eval_every=1, eval=EVAL)
    assert losses(judged.folder) == losses(plain.folder)
    assert largest_gap(weights(judged.folder), weights(plain.folder)) == 0.0


def test_a_resumed_run_ends_with_the_same_weights_and_win_rates(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe: dict[str, Any] = {"batch_size": 4, "max_steps": 4, "learning_rate": 0.05, "samples": 0}
    recipe |= {"eval": EVAL, "eval_every": 1, "save_every": 1}
    whole = penchant.train(folder, pairs(), output=tmp_path / "whole", **recipe)
    output = tmp_path / "stopped"
    stopped_after(3, lambda: penchant.train(folder, pairs(), output=output, **recipe), monkeypatch)
    penchant.train(folder, pairs(), output=output, resume=True, **recipe)
    assert largest_gap(weights(output), weights(whole.folder)) == 0.0
    first, second = metrics(whole.folder, "eval"), metrics(output, "eval")
    assert [row["judge/win_rate"] for row in first.values()] == [row["judge/win_rate"] for row in second.values()]


def test_a_judge_that_fails_later_leaves_a_gap_and_training_goes_on(train: Train) -> None:
    Noisy.fails_from = 6  # 4 prompts before training, then 2 of the next measurement
    run = train(eval=EVAL, eval_every=1)
    assert "judge/win_rate" in run.summary["before"] and "judge/win_rate" not in run.summary["after"]
    assert any("The server is gone" in each for each in run.summary["warnings"])
    assert len(losses(run.folder)) == 3


def test_a_judge_that_fails_at_once_ends_the_run_before_training(train: Train, tmp_path: Path) -> None:
    Noisy.fails_from = 0
    with pytest.raises(ModelError, match="The server is gone"):
        train(eval=EVAL)
    assert not [row for row in (tmp_path / "run").glob("checkpoints/checkpoint-*")]


def test_a_process_that_is_not_the_first_samples_along_and_asks_no_judge(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("penchant.training.following.wins.is_first", lambda: False)
    run = train(eval=EVAL, eval_every=1)
    assert Noisy.calls == 0 and "judge/win_rate" not in run.summary["after"]


def test_the_best_step_can_be_chosen_by_the_win_rate(train: Train) -> None:
    run = train(eval=EVAL, eval_every=1, keep="best", metric="judge/win_rate", learning_rate=0.5)
    rates = {step: row["judge/win_rate"] for step, row in metrics(run.folder, "eval").items()}
    assert run.summary["kept"]["value"] == max(rates.values())


def test_a_reference_that_is_another_model_answers_itself(train: Train, folder: Path, tmp_path: Path) -> None:
    other = train("other", learning_rate=0.5).folder / "model"
    run = train(eval=EVAL, reference={"model": str(other), "cached": False})
    assert run.summary["before"]["judge/length"] != run.summary["before"]["judge/reference_length"]
    with pytest.raises(ConfigurationError, match=r"reference\.cached=false"):
        train("cached", eval=EVAL, reference={"model": str(other), "cached": True})
    start = train("start", eval={**EVAL, "win_rate_against": "start"}, reference={"model": str(other), "cached": True})
    assert start.summary["before"]["judge/win_rate"] == 0.5


def test_the_file_of_a_judge_beside_the_recipe_is_kept_and_compared(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "recipes"
    home.mkdir()
    reward = home / "rewards.py"
    reward.write_text("def length(prompt, response):\n    return float(len(response))\n")
    judge = {"name": "weighted", "judges": [{"name": "function", "path": "rewards.py:length"}], "weights": [2]}
    recipe = {"model": str(folder), "data": str(write_pairs(tmp_path / "pairs.jsonl")), "samples": 0, "max_steps": 2}
    recipe |= {"eval": {**EVAL, "judge": judge}, "output": str(tmp_path / "run"), "save_every": 1}
    (home / "r.yaml").write_text(yaml.safe_dump(recipe))
    assert main(["train", str(home / "r.yaml")]) == 0
    assert f"Imports length of {reward}, as eval.judge.judges[0]" in " ".join(capsys.readouterr().err.split())
    assert (tmp_path / "run" / "code" / "eval-judge" / "rewards.py").is_file()
    assert main(["train", str(tmp_path / "run" / "recipe.yaml"), "--out", str(tmp_path / "again")]) == 0
    reward.write_text("def length(prompt, response):\n    return -float(len(response))\n")
    assert main(["train", str(home / "r.yaml"), "--resume"]) == 1
    assert "code of eval.judge.judges[0]" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"judge": "nobody"}, "nobody"),
        ({"judge": {"rule": "exact"}}, "its name is missing"),
        ({"judge": "none"}, "never scores"),
        ({"judge": "noisy-test", "win_rate_against": "baseline"}, "win_rate_against"),
        ({"judge": "noisy-test", "promts": 3}, "Did you mean 'prompts'"),
        ({}, "eval.judge"),
    ],
)
def test_settings_that_cannot_be_are_refused(train: Train, chosen: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        train(eval=chosen)


def test_a_verifier_without_answers_and_a_reward_model_are_refused(train: Train) -> None:
    with pytest.raises(DataError, match="answer"):
        train(eval={"judge": "verifier,rule=exact"})
    with pytest.raises(ConfigurationError, match="reward model"):
        train(eval=EVAL, objective="bt")


def test_the_metrics_are_plain_json(train: Train) -> None:
    run = train(eval=EVAL, eval_every=3)
    text = (run.folder / "summary.json").read_text(encoding="utf-8")
    assert json.loads(text)["after"]["judge/unread"] == 0.0
