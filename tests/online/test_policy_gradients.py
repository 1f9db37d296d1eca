"""Policy gradients with token advantages and a critic: by hand, resumed, and refused where something is missing."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from families import tiny_model
from online.conftest import Run
from online.killing import killed_and_resumed
from penchant.errors import CheckpointError, ConfigurationError
from penchant.feedback.records import Source
from penchant.generation import Response
from penchant.objectives import build
from penchant.online import build_pairing, make_online_recipe
from penchant.online.rollouts import Rollout
from penchant.online.state import State, pack, unpack
from penchant.training.trainer import PreferenceTrainer
from small_judges import JUDGES
from small_runs import metrics, model_folder, weights

PPO: dict[str, Any] = {"method": "ppo", "epochs": 2, "samples_per_prompt": 2, "save_every": 1, "batch_size": 4}


def rollout(scores: tuple[float, ...], **more: Any) -> Rollout:
    """Responses of two tokens each."""
    return Rollout(Source(), "a", (1,), tuple(Response("b", (5, 2), True) for _ in scores), scores, **more)


def fields_of(name: str, rollouts: list[Rollout], **settings: Any) -> list[dict[str, Any]]:
    return [fields for _, _, fields in build_pairing(name, **settings).choose(rollouts)]


# Two tokens, half a nat above the reference at the first.
HALF = {"old_logps": ((-1.0, -1.0),), "reference_logps": ((-1.5, -1.0),), "values": ((0.25, 0.5),)}


def test_token_rewards_and_advantages_are_those_computed_by_hand() -> None:
    [found] = fields_of("returns", [rollout((1.0,), **HALF)], kl_coef=0.2, lam=0.5, whiten_advantages=False)
    # r = (−0.1, 1); δ = (−0.1 + 0.5 − 0.25, 1 − 0.5); A = (0.15 + 0.5 · 0.5, 0.5)
    assert found["advantage"][0] == pytest.approx([0.4, 0.5])
    assert found["returns"][0] == pytest.approx([0.65, 1.0]) and found["old_values"] == [[0.25, 0.5]]
    [bare] = fields_of("returns", [rollout((1.0,), **HALF)], baseline="none", kl_coef=0.2, whiten_advantages=False)
    assert bare["advantage"][0] == pytest.approx([0.9, 1.0])
    [likely] = fields_of(
        "returns", [rollout((1.0,), baseline=0.75)], baseline="greedy", kl_coef=0.0, whiten_advantages=False
    )
    assert likely["advantage"][0] == pytest.approx([0.25, 0.25]) and "returns" not in likely


def test_a_response_without_a_score_has_no_advantage_and_its_values_are_right() -> None:
    twice = {name: each * 2 for name, each in HALF.items()}
    [found] = fields_of("returns", [rollout((1.0, math.nan), **twice)])
    assert found["advantage"][1] == [0.0, 0.0] and found["returns"][1] == [0.25, 0.5]


def test_the_coefficient_follows_the_divergence_of_the_round_before() -> None:
    pairing = build_pairing("returns", kl_coef=0.1, kl_target=0.25, kl_horizon=10.0)
    first = pairing.carry(None)
    assert first == {"kl_coef": 0.1}
    second = pairing.carry([rollout((1.0,), **HALF, carried=first)])
    assert second["kl_coef"] == pytest.approx(0.1 * (1 + 0.2 / 10))  # the error 1 is cut at 0.2
    assert build_pairing("returns").carry(None) == {}
    [found] = [
        fields
        for _, _, fields in build_pairing("returns", baseline="none", kl_target=1.0, whiten_advantages=False).choose(
            [rollout((1.0,), **HALF, carried={"kl_coef": 0.4})]
        )
    ]
    assert found["advantage"][0] == pytest.approx([0.8, 1.0])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"baseline": "others", "scale": "none"}, [1.5, -1.5, 0.0]),
        ({"baseline": "others"}, [1.5, -1.5, 0.0]),  # their deviation is 1
        ({"baseline": "length"}, [1.0, -1.0, 0.0]),
        ({"baseline": "best", "scale": "none"}, [1.0, 0.0, 0.0]),
        ({"baseline": "list", "tau": 1e9}, [0.0, 0.0, 0.0]),
    ],
)
def test_a_group_is_compared_as_its_recipe_says(settings: dict[str, Any], expected: list[float]) -> None:
    [found] = fields_of("group", [rollout((3.0, 1.0, 2.0))], **settings)
    assert found["advantage"] == pytest.approx(expected, abs=1e-3)


def test_right_and_wrong_answers_are_examples_and_the_rest_is_left_out() -> None:
    mixed = rollout((1.0, 0.0, math.nan), old_logps=((-1.0, -2.0), (-3.0, -4.0), (0.0, 0.0)))
    found = fields_of("verified", [rollout((1.0, 1.0)), mixed])
    assert [(each["label"], each["correct_rate"]) for each in found] == [(1.0, 0.5), (0.0, 0.5)]
    assert found[1]["old_policy"] == [[-3.0, -4.0]]


def test_a_killed_run_with_a_critic_ends_as_an_uninterrupted_one(online: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = PPO | {"pairing": {"kl_target": 0.1}}
    whole = online("whole", **keys)
    resumed = killed_and_resumed(
        online, keys, monkeypatch, whole, PreferenceTrainer, "training_step", 6
    )  # in the second round
    assert not any("critic" in name for name in weights(whole.folder)), "the saved model has no critic"
    states = [torch.load(sorted((each.folder / "states").glob("*.pt"))[-1])["objective"] for each in (whole, resumed)]
    assert states[0]["critic.weight"].abs().max() > 0
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    carried = [
        json.loads((whole.folder / f"rounds/0000{number}/rollouts.json").read_text())[0]["carried"]["kl_coef"]
        for number in (1, 2, 3)
    ]
    assert carried[0] == 0.05 and len(set(carried)) == 3


def test_a_state_without_the_critic_is_refused() -> None:
    objective = build("ppo")
    objective.bind(4)
    packed = pack(State(), torch.nn.Linear(1, 1), _without_reference(), objective)
    unpack(packed, 0, torch.nn.Linear(1, 1), _without_reference(), objective)
    del packed["objective"]["critic.weight"]
    with pytest.raises(CheckpointError, match=r"no 'critic.weight' of the objective ppo"):
        unpack(packed, 0, torch.nn.Linear(1, 1), _without_reference(), objective)


def _without_reference() -> Any:
    from penchant.likelihood.references import NoReference
    from penchant.online.reference import UpdatedReference
    from penchant.online.reference_updates import build_reference_update

    return UpdatedReference(NoReference(), build_reference_update("initial", 0.1))


def test_a_pairing_that_reads_a_critic_asks_for_an_objective_with_one(online: Run) -> None:
    with pytest.raises(ConfigurationError, match=r"'returns' reads the values of a critic.*bnpo.*objective=ppo"):
        online(objective="bnpo", pairing="returns")


def test_one_advantage_a_token_is_refused_where_a_response_has_one_ratio(online: Run) -> None:
    keys = {"pairing": {"name": "returns", "baseline": "none"}, "iterations": 1}
    for name in ("rloo", "gmpo"):
        with pytest.raises(ConfigurationError, match="one for each token"):
            online(name, objective=name, **keys)


def test_a_student_comes_closer_to_its_teacher(online: Run, tmp_path: Path) -> None:
    teacher = model_folder(tmp_path / "teacher")
    tiny_model("llama", seed=7).save_pretrained(teacher)
    keys = {"method": "on-policy-distillation", "batch_size": 8, "samples_per_prompt": 4, "epochs": 1}
    done = online(teacher=str(teacher), iterations=12, learning_rate=1e-2, **keys)
    trained = metrics(done.folder)
    assert trained[max(trained)]["loss"] < 0.8 * trained[1]["loss"]
    with pytest.raises(ConfigurationError, match=r"The reference is a teacher, but there is none.*teacher=FOLDER"):
        make_online_recipe({"method": "on-policy-distillation", "model": "m", "data": "d"})


def test_a_teacher_is_read_at_the_temperature_of_the_samples(online: Run, folder: Path) -> None:
    keys: dict[str, Any] = {"method": "grpo", "reference": "teacher", "teacher": str(folder), "temperature": 0.5}
    done = online(iterations=1, batch_size=8, reward_kl=0.1, **keys)
    kept = json.loads((done.folder / "rounds/00001/rollouts.json").read_text())
    apart = [value for each in kept for value in each["divergence"]]
    assert apart == pytest.approx([0.0] * len(apart), abs=1e-5), "the teacher is the model itself"


def test_remax_compares_with_what_greedy_decoding_gives(online: Run) -> None:
    done = online(method="remax", iterations=1, batch_size=8, learning_rate=1e-3)
    kept = json.loads((done.folder / "rounds/00001/rollouts.json").read_text())
    assert all(isinstance(each["baseline"], float) for each in kept)


def test_several_rewards_are_summed_before_or_after_they_are_normalised(online: Run) -> None:
    parts = {"right": (1.0, 0.0, 0.0), "short": (0.0, 0.0, 600.0)}
    several = [rollout((1.0, 0.0, 600.0), parts=parts)]
    [before] = fields_of("several", several, order="sum_then_normalize")
    [after] = fields_of("several", several, weights={"right": 0.75, "short": 0.25})
    assert before["advantage"][2] > 1 > 0 > before["advantage"][0]
    assert after["advantage"][0] > 0 > after["advantage"][1]
    with pytest.raises(ConfigurationError, match=r"weights are of right, the judge's parts are right, short"):
        fields_of("several", several, weights={"right": 1.0})
    with pytest.raises(ConfigurationError, match="The judge has no parts"):
        fields_of("several", [rollout((1.0,))])
    judge = [{"name": "function", "path": f"{JUDGES}:reds", "label": "red"}, {"name": "verifier", "rule": "contains"}]
    done = online(method="multi-objective-grpo", judge=judge, iterations=1, batch_size=8)
    assert {"reward/red/mean", "reward/verifier/mean"} <= set(metrics(done.folder)[1])
