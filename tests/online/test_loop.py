"""The loop: every recipe runs, and a run that was killed anywhere ends as if it had not been."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from online.conftest import Run
from online.killing import Killed, killed_and_resumed, killed_at
from penchant.errors import ConfigurationError, DataError
from penchant.online import methods
from penchant.online.loop import OnlineRun
from penchant.online.rollout_maker import RolloutMaker
from penchant.online.rollouts import Rollout
from penchant.training.run import Interrupted
from penchant.training.trainer import PreferenceTrainer
from small_judges import JUDGES
from small_runs import largest_gap, losses, metrics, weights, write_pairs


@pytest.fixture(scope="module")
def uninterrupted() -> dict[str, Any]:
    """The whole run of each method, made by the first test that compares with it."""
    return {}


METHODS = {
    "grpo": {"method": "grpo", "epochs": 2, "objective": {"name": "grpo", "beta": 0.05}},
    "iterative-dpo": {"method": "iterative-dpo", "pairing": "all"},
    "sppo": {"method": "sppo", "objective": {"beta": 0.1}},
    "rejection-sampling": {"method": "rejection-sampling"},
    "nesterov": {"reference": "nesterov", "reference_rate": 0.3, "objective": "ipo"},
    "ema": {"reference": "ema", "reference_rate": 0.3},
}


KILLS = {
    "in the first round": (PreferenceTrainer, "training_step", 3),
    "in a later round": (PreferenceTrainer, "training_step", 11),
    "while sampling": (RolloutMaker, "sample", 2),  # for the second round
    "between rounds": (OnlineRun, "_advance", 2),
}
# Each kind of kill once, for the method that keeps most from round to round; and each other method once, where it keeps
# something of its own: its pairs, its win rates, its best responses, a reference that has moved.
COVERED_ONCE = {
    *(("grpo", kill) for kill in KILLS),
    ("iterative-dpo", "in a later round"),
    ("sppo", "while sampling"),
    ("rejection-sampling", "between rounds"),
    ("nesterov", "in a later round"),
    ("ema", "between rounds"),
}


@pytest.mark.parametrize(
    ("name", "kill"),
    [
        pytest.param(name, kill, marks=[] if (name, kill) in COVERED_ONCE else [pytest.mark.long])
        for name in METHODS
        for kill in KILLS
    ],
)
def test_a_killed_run_ends_as_an_uninterrupted_one(
    name: str,
    kill: str,
    online: Run,
    uninterrupted: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = {**METHODS[name], "save_every": 1, "accumulate": 2, "iterations": 3, "batch_size": 4, "learning_rate": 3e-3}
    if name not in uninterrupted:
        uninterrupted[name] = online("whole", **keys)
    whole = uninterrupted[name]
    resumed = killed_and_resumed(online, keys, monkeypatch, whole, *KILLS[kill])
    assert {step: row["reward"] for step, row in metrics(resumed.folder, "eval").items()} == {
        step: row["reward"] for step, row in metrics(whole.folder, "eval").items()
    }
    for key in ("steps", "examples", "before", "after", "intervals"):
        assert resumed.summary[key] == whole.summary[key]


def test_states_may_be_rarer_than_rounds(online: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = online("whole", iterations=4, save_rounds=2)
    with monkeypatch.context() as patch:
        killed_at(patch, OnlineRun, "_advance", 3)
        with pytest.raises(Killed):
            online("killed", iterations=4, save_rounds=2)
    resumed = online("killed", resume=True, iterations=4, save_rounds=2)
    assert largest_gap(weights(resumed.folder), weights(whole.folder)) == 0.0


def test_a_damaged_state_is_passed_over(online: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = online("whole")
    with monkeypatch.context() as patch:
        killed_at(patch, OnlineRun, "_advance", 2)
        with pytest.raises(Killed):
            online("killed")
    newest = sorted((whole.folder.parent / "killed" / "states").iterdir())[-1]
    newest.write_bytes(newest.read_bytes()[:1000])
    resumed = online("killed", resume=True)
    assert largest_gap(weights(resumed.folder), weights(whole.folder)) == 0.0
    assert any("falling back" in text for text in resumed.summary["warnings"])


def test_ctrl_c_stops_without_loss(online: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = online("whole")
    original, steps = PreferenceTrainer.training_step, []

    def interrupted(self: PreferenceTrainer, *args: Any, **kwargs: Any) -> Any:
        steps.append(1)
        if len(steps) == 3:
            next(each for each in self.callback_handler.callbacks if hasattr(each, "asked")).asked = True
        return original(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(PreferenceTrainer, "training_step", interrupted)
        with pytest.raises(Interrupted, match=r"Stopped in round 2 of 3.*--resume"):
            online("stopped")
    resumed = online("stopped", resume=True)
    assert largest_gap(weights(resumed.folder), weights(whole.folder)) == 0.0


def test_resuming_a_finished_run_measures_again_and_changes_nothing(online: Run) -> None:
    first = online()
    again = online(resume=True)
    assert again.summary["after"] == first.summary["after"] and again.summary["before"] == first.summary["before"]
    assert losses(again.folder) == losses(first.folder)


@pytest.mark.usefixtures("drawing")
def test_the_report_has_the_curve_with_its_interval(online: Run) -> None:
    done = online(method="grpo", iterations=3, batch_size=8, learning_rate=1e-3, samples=2)
    page = (done.folder / "report.html").read_text()
    assert "Reward of sampled responses" in page and "Samples" in page
    rows = metrics(done.folder, "eval")
    assert len(rows) == 4 and all(row["reward/low"] <= row["reward"] <= row["reward/high"] for row in rows.values())
    assert "reward/low" not in done.summary["after"] and "reward" in done.summary["intervals"]


def test_the_recipes_are_the_named_ones() -> None:
    first = {"grpo", "iterative-dpo", "rejection-sampling", "rere", "spin", "sppo"}
    games = {"dno", "dno-prct", "egpo", "inpo", "nash-md", "online-dpo", "spo-minimax"}
    exploring = {"apo-nesterov", "hypo", "rebel", "xpo"}
    own_labels = {"cream", "curated-retraining", "drift", "self-rewarding", "selfie"}
    gradients = {"dapo", "gspo", "nft", "opo", "pass-at-k", "ppo", "reinforce-pp", "reinforce-pp-baseline", "remax"}
    gradients |= {"multi-objective-grpo", "on-policy-distillation", "rloo"}
    assert set(methods()) >= first | games | exploring | own_labels | gradients


def test_spin_sets_people_against_the_model(online: Run, tmp_path: Path) -> None:
    rows = [
        {"prompt": f"which colour is the {thing}", "completion": f" the {thing} is red"} for thing in ("car", "hat")
    ]
    data = write_pairs(tmp_path / "shown.jsonl", rows * 4)
    done = online(
        "spin", method="spin", data=str(data), judge="none", samples_per_prompt=1, batch_size=4, learning_rate=3e-3,
        optimizer="adamw_torch_fused",
    )  # fmt: skip
    trained = metrics(done.folder)
    assert trained[1]["loss"] == pytest.approx(0.6931, abs=1e-3), "policy and opponent begin equal"
    assert trained[max(trained)]["logps/chosen"] > trained[1]["logps/chosen"]
    assert [trained[step]["sampled/examples"] for step in trained if "sampled/examples" in trained[step]] == [8, 16, 16]


def test_grpo_raises_the_reward_and_prompts_are_computed_once(online: Run) -> None:
    done = online(method="grpo", iterations=25, batch_size=8, learning_rate=3e-3, samples_per_prompt=8, save_rounds=25)
    assert done.summary["after"]["reward"] > done.summary["before"]["reward"] + 0.3
    rollouts = [
        Rollout.from_json(each) for each in json.loads((done.folder / "rounds/00001/rollouts.json").read_text())
    ]
    prompts = sum(len(each.prompt_ids) for each in rollouts)
    answers = sum(len(one.ids) for each in rollouts for one in each.responses)
    # Eight samples cost at most one prompt and eight responses; what they share at their beginning comes off as well.
    assert metrics(done.folder)[1]["tokens_saved"] >= 1 - (prompts + answers) / (8 * prompts + answers) - 1e-9


def test_on_one_step_a_round_the_ratio_is_one_and_old_log_probabilities_are_not_asked_for(online: Run) -> None:
    once = online("once", method="grpo", iterations=1, batch_size=8, learning_rate=1e-3)
    twice = online("twice", method="grpo", iterations=1, batch_size=8, learning_rate=1e-3, epochs=2)

    def old(run: Path) -> Any:
        return json.loads((run / "rounds/00001/rollouts.json").read_text())[0]["old_logps"]

    assert old(once.folder) == [] and len(old(twice.folder)) == 4
    assert metrics(once.folder)[1]["clipped"] == 0.0
    first = [metrics(each.folder)[1]["loss"] for each in (once, twice)]
    assert first[0] == pytest.approx(first[1], abs=1e-6), "the old policy is the policy at the first step"


def test_equal_rewards_teach_nothing_and_stop_nothing(online: Run) -> None:
    done = online(method="grpo", judge={"name": "function", "path": f"{JUDGES}:nothing"}, iterations=2, batch_size=8)
    assert done.summary["steps"] == 0 and done.summary["after"] == done.summary["before"]
    assert any("No round had anything to train on" in each for each in done.summary["warnings"])


def test_responses_without_a_score_take_no_part(online: Run) -> None:
    done = online(method="grpo", judge={"name": "function", "path": f"{JUDGES}:strict"}, iterations=1, batch_size=8)
    assert all(torch.isfinite(each).all() for each in weights(done.folder).values())


@pytest.mark.parametrize(
    ("keys", "error", "told"),
    [
        ({"pairing": "best_wurst"}, ConfigurationError, "Did you mean 'best_worst'"),
        ({"objective": "grpo"}, ConfigurationError, "'responses'.*does not supply.*group"),
        ({"judge": "none"}, ConfigurationError, "needs rewards"),
        ({"judge": {"name": "verifier", "rules": "number"}}, ConfigurationError, "no key 'rules'.*'rule'"),
        ({"judge": {"name": "function", "path": f"{JUDGES}:blues"}}, ConfigurationError, "cannot be loaded"),
        ({"pairing": "demonstration", "judge": "none"}, DataError, "needs a demonstration"),
        ({"reference": "ema", "reference_rate": 0.0}, ConfigurationError, "reference_rate"),
        ({"max_new_tokens": 128}, ConfigurationError, "room for the prompt"),
        ({"method": "grop"}, ConfigurationError, "Did you mean 'grpo'"),
        ({"schedule": "linear"}, ConfigurationError, "optimizer_state=fresh"),
        ({"samples_per_promt": 3}, ConfigurationError, "Did you mean 'samples_per_prompt'"),
    ],
)
def test_choices_that_do_not_fit_are_refused_before_the_model_is_loaded(
    keys: dict[str, Any], error: type[Exception], told: str, online: Run
) -> None:
    with pytest.raises(error, match=told):
        online(**keys)
