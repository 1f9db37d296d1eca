"""What a round samples is recorded, measured and, where a group says nothing, replaced; rewards have parts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from online.conftest import Run
from online.killing import killed_and_resumed
from penchant.errors import ConfigurationError, TrainingError
from penchant.online.loop import OnlineRun
from penchant.training.run import Result
from small_judges import JUDGES
from small_runs import metrics

PARTS = [
    {"name": "function", "path": f"{JUDGES}:reds", "weight": 2.0},
    {"name": "function", "path": f"{JUDGES}:strict", "weight": 0.25, "label": "length"},
]


def rollouts(run: Result, number: int = 1) -> list[dict[str, Any]]:
    found = json.loads((run.folder / f"rounds/{number:05d}/rollouts.json").read_text(encoding="utf-8"))
    assert isinstance(found, list)
    return found


def test_every_setting_of_a_rollout_and_the_version_of_the_weights_are_recorded(online: Run) -> None:
    run = online(method="grpo", temperature=0.7, stop=["very"], iterations=2, save_rounds=2)
    for number in (1, 2):
        for each in rollouts(run, number):
            assert each["version"] == number - 1
            kept = each["settings"]
            assert {name: kept[name] for name in ("temperature", "top_p", "max_new_tokens", "stop", "samples")} == {
                "temperature": 0.7, "top_p": 1.0, "max_new_tokens": 6, "stop": ["very"], "samples": 4,
            }  # fmt: skip
            assert kept["engine"] == {"name": "transformers", "batch_size": 256, "options": None}
            assert isinstance(kept["seed"], int)
            assert all("very" not in answer["text"] for answer in each["responses"])
    traced = [answer for each in rollouts(run) for answer in each["responses"] if answer["logps"] is not None]
    assert len(traced) >= 8 and all(len(each["logps"]) == len(each["ids"]) for each in traced)
    rows = metrics(run.folder)
    assert max(row.get("sampled/logp_gap_largest", 0.0) for row in rows.values()) < 1e-4
    assert rows[1]["sampled/logp_gap"] > 0 and rows[1]["sampled/entropy"] > 0


def test_a_response_that_reached_a_stop_text_is_finished(online: Run) -> None:
    run = online(method="grpo", stop=["red", "blue", "the", "is"], iterations=1, max_new_tokens=24)
    texts = [answer for each in rollouts(run) for answer in each["responses"]]
    ended = [each for each in texts if each["finished"] and each["ids"][-1] != 2]
    assert ended, "some end at a text rather than at the end token"
    assert not any(word in each["text"].split() for each in texts for word in ("red", "blue", "the", "is"))


def test_each_part_of_the_reward_is_logged_by_itself(online: Run) -> None:
    run = online(method="grpo", judge=PARTS, iterations=1)
    row = metrics(run.folder)[1]
    kept = rollouts(run)
    lengths = [score for each in kept for score in each["parts"]["length"]]
    known = [score for score in lengths if score is not None]
    assert row["reward/length/mean"] == pytest.approx(sum(known) / len(known))
    assert row["reward/length/missing"] == pytest.approx(1 - len(known) / len(lengths))
    for each in kept:
        for score, one, other in zip(each["scores"], each["parts"]["reds"], each["parts"]["length"], strict=True):
            assert score == pytest.approx(2 * one + 0.25 * (other or 0.0))
    for name in ("reward_deviation", "uniform", "unscored", "length_least", "length_greatest"):
        assert f"sampled/{name}" in row
    copied = (run.folder / "recipe.yaml").read_text(encoding="utf-8")
    assert "code/judge/small_judges.py:strict" in copied and (run.folder / "code/judge/small_judges.py").is_file()


def test_groups_without_differences_are_replaced_and_stay_on_record(online: Run) -> None:
    rare = {"name": "function", "path": f"{JUDGES}:golden"}
    plain = online("plain", method="grpo", judge=rare, iterations=1, prompts_per_iteration=4, seed=1)
    run = online(method="grpo", judge=rare, iterations=1, prompts_per_iteration=4, resample=8, seed=1)

    def telling(one: Result) -> int:
        return sum(each["used"] and len(set(each["scores"])) > 1 for each in rollouts(one))

    used = [each for each in rollouts(run) if each["used"]]
    assert len(used) == 4 and telling(run) > telling(plain)
    dropped = [each for each in rollouts(run) if not each["used"]]
    assert dropped and all(len(set(each["scores"])) == 1 for each in dropped)
    lines = [each["source"]["line"] for each in rollouts(run)]
    assert len(lines) == len(set(lines)), "no prompt is drawn twice in a round"
    row = next(iter(metrics(run.folder).values()))
    assert row["sampled/unused"] == pytest.approx(len(dropped) / len(lines))


def test_rounds_without_differences_are_counted_and_too_many_end_the_run(online: Run) -> None:
    alike: dict[str, Any] = {"method": "grpo", "judge": {"name": "function", "path": f"{JUDGES}:nothing"}}
    run = online("few", **alike, idle_rounds=4)
    assert run.summary["rounds_without_training"] == 3 and run.summary["steps"] == 0
    with pytest.raises(TrainingError, match=r"round 2: 2 rounds in a row had nothing to train on"):
        online(**alike, idle_rounds=2)


def test_a_divergence_in_the_reward_follows_its_controller_and_resumes(
    online: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: dict[str, Any] = {"method": "grpo", "reward_kl": 0.1, "reward_kl_target": 0.01, "reward_kl_horizon": 32}
    whole = online("whole", **keys)
    first, second = rollouts(whole, 1), rollouts(whole, 2)
    assert {each["settings"]["reward_kl"] for each in first} == {0.1}
    assert max(abs(value) for each in first for value in each["divergence"]) < 1e-5, "the policy is the reference"
    [rate] = {each["settings"]["reward_kl"] for each in second}
    assert rate == pytest.approx(0.08), "below the target: a fifth less"
    for each in second:
        for score, judged, far in zip(each["scores"], each["judged"], each["divergence"], strict=True):
            assert score == pytest.approx(judged - rate * far)
    assert any(abs(value) > 1e-3 for each in second for value in each["divergence"])
    killed_and_resumed(online, keys, monkeypatch, whole, OnlineRun, "_advance", 2)


def test_grpo_trains_an_adapter_against_the_model_without_it(online: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    keys: dict[str, Any] = {
        "method": "grpo",
        "lora": {"rank": 2},
        "objective": {"name": "grpo", "beta": 0.1},
        "iterations": 2,
        "learning_rate": 0.05,
        "save_rounds": 1,
    }
    whole = online("whole", **keys)
    rows = metrics(whole.folder)
    assert rows[1]["k3"] == pytest.approx(0.0, abs=1e-9), "the adapter begins as nothing"
    assert max(row["k3"] for row in rows.values()) > 1e-6
    assert (whole.folder / "adapter" / "adapter_config.json").is_file()
    killed_and_resumed(online, keys, monkeypatch, whole, OnlineRun, "_advance", 1)


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"reward_kl_target": 3.0}, "reward_kl_target: A controller of reward_kl cannot start from 0"),
        (
            {"resample": 2, "judge": "none", "pairing": "demonstration", "objective": "spin"},
            "resample: Without a judge",
        ),
        ({"staleness": "tokens"}, "'staleness' is 'tokens'"),
        ({"judge": [{"name": "function", "path": f"{JUDGES}:redds"}]}, "redds"),
    ],
)
def test_settings_that_mean_nothing_are_refused(online: Run, changed: dict[str, Any], found: str) -> None:
    with pytest.raises(ConfigurationError, match=found):
        online(**changed)
