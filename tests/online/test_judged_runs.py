"""Judges in online runs: what they keep, what they ask, and what the policy never sees of it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from online.conftest import Run
from online.killing import Killed, killed_at
from penchant.errors import ConfigurationError, DataError
from penchant.online.loop import OnlineRun
from penchant.online.rollouts import Rollout
from penchant.rewards.functions import FunctionJudge
from penchant.training.trainer import PreferenceTrainer
from small_judges import JUDGES
from small_runs import largest_gap, losses, metrics, pairs, weights, write_pairs

REDS = {"name": "function", "path": f"{JUDGES}:reds"}
QUEUE = {"judge": {"name": "queue", "inner": REDS, "size": 6}, "pairing": {"name": "group", "baseline": "others"}}
RLOO: dict[str, Any] = {"method": "rloo", "temperature": 1.0, "prompts_per_iteration": 8, **QUEUE}


def rounds_of(folder: Path) -> list[list[Rollout]]:
    files = sorted(folder.glob("rounds/*/rollouts.json"))
    return [[Rollout.from_json(each) for each in json.loads(file.read_text())] for file in files]


#: Calls of the function that judges: those of the first measurement and of two rounds come before.
KILLS = {
    "in a judge's call of the first round": (FunctionJudge, "_score", 4 + 17),
    "in a judge's call of a later round": (FunctionJudge, "_score", 200),
    "in training": (PreferenceTrainer, "training_step", 5),
    "between rounds": (OnlineRun, "_advance", 2),
}


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    """The uninterrupted run, made by the first test that compares with it."""
    return {}


@pytest.mark.parametrize("kill", KILLS)
def test_a_run_with_a_queue_that_was_killed_ends_as_an_uninterrupted_one(
    kill: str, online: Run, whole: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {**RLOO, "save_every": 1}
    if not whole:
        done = online("whole", **keys)
        whole.update(losses=losses(done.folder), weights=weights(done.folder), rounds=rounds_of(done.folder))
    with monkeypatch.context() as patch:
        killed_at(patch, *KILLS[kill])
        with pytest.raises((Killed, ConfigurationError)):
            online("killed", **keys)
    resumed = online("killed", resume=True, **keys)
    assert losses(resumed.folder) == whole["losses"]
    assert largest_gap(weights(resumed.folder), whole["weights"]) == 0.0
    assert [[each.scores for each in part] for part in rounds_of(resumed.folder)] == [
        [each.scores for each in part] for part in whole["rounds"]
    ]


def test_the_queue_is_that_of_the_rounds_before(whole: dict[str, Any], online: Run) -> None:
    if not whole:
        whole["rounds"] = rounds_of(online("queue", **RLOO).folder)
    seen: dict[str, list[str]] = {}
    compared = 0
    for part in whole["rounds"]:
        for each in part:
            queue = seen.get(str(each.prompt), [])[-6:]
            inner = FunctionJudge(f"{JUDGES}:reds").score
            own, others = inner("", [one.text for one in each.responses]), inner("", queue)
            for score, reward in zip(each.judged, own, strict=True) if queue else ():
                wanted = sum(1 / (1 + math.exp(other - reward)) for other in others) / len(others)
                assert score == pytest.approx(wanted)
                compared += 1
        for each in part:
            seen.setdefault(str(each.prompt), []).extend(one.text for one in each.responses)
    assert compared >= 8 * 4, "the third round asks prompts that were asked before"


def test_ppo_takes_its_reward_from_the_queue(online: Run) -> None:
    done = online(method="ppo", judge=QUEUE["judge"], iterations=2, batch_size=8, epochs=1)
    assert done.summary["steps"] > 0 and all(
        0 <= score <= 1 for each in rounds_of(done.folder)[1] for score in each.scores
    )


def test_further_turns_reach_the_inner_judge_and_nobody_else(online: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    original = FunctionJudge._score

    def watched(self: Any, prompt: Any, response: str, further: Any) -> float:
        seen.append(response)
        return original(self, prompt, response, further)

    monkeypatch.setattr(FunctionJudge, "_score", watched)
    simulator = {"name": "policy", "max_new_tokens": 4, "temperature": 0.0}
    judge = {"name": "hindsight", "inner": REDS, "turns": 2, "simulator": simulator}
    done = online(judge=judge, iterations=1, objective="dpo")
    given = rounds_of(done.folder)[0]
    texts = {one.text for each in given for one in each.responses}
    assert not any("\n" in each for each in texts) and sum(each.count("\n") == 2 for each in seen) >= 32
    assert {each.split("\n")[0] for each in seen} >= texts
    row = metrics(done.folder)[min(metrics(done.folder))]
    assert 0 <= row["sampled/flips"] <= 1 and "reward/foresight/mean" in row
    for each in given:
        assert each.parts["foresight"] == tuple(
            FunctionJudge(f"{JUDGES}:reds").score("", [r.text for r in each.responses])
        )


def test_the_policy_is_asked_by_a_rubric_and_unreadable_answers_are_counted(
    online: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from penchant.generation.chat_answers import ChatAnswer
    from penchant.rewards.asked.answerer import PolicyAnswerer

    rubric = {"name": "policy_llm", "role": "rubric", "rubric": ["good"], "max_new_tokens": 8}
    with pytest.raises(DataError, match="No response to a held-out prompt could be scored"):
        online("unread", judge=rubric, iterations=1)  # a tiny model writes no JSON
    said = iter(range(10**6))

    def answers(self: Any, questions: Any) -> list[ChatAnswer]:
        assert all("good" in str(each.messages) for each in questions)
        return [
            ChatAnswer("no idea" if number % 4 == 3 else f'{{"good": {1 + number % 5}}}')
            for number in (next(said) for _each in questions)
        ]

    monkeypatch.setattr(PolicyAnswerer, "ask", answers)
    done = online("read", judge=rubric, iterations=1)
    row = metrics(done.folder)[min(metrics(done.folder))]
    assert row["sampled/unscored"] == row["sampled/unreadable"] == pytest.approx(0.25)
    averaged = {**rubric, "samples": 3, "temperature": 1.0}
    done = online("averaged", judge=averaged, iterations=1)
    row = metrics(done.folder)[min(metrics(done.folder))]
    assert row["sampled/unscored"] == 0.0, "of three answers, at least two are read"


def test_the_policy_says_yes_or_no_with_the_weights_that_sampled(online: Run, tmp_path: Path) -> None:
    from penchant.rewards.given.anchored import Anchored

    rows = [{"prompt": row["prompt"], "completion": row["chosen"]} for row in pairs(12)]
    data = str(write_pairs(tmp_path / "anchors.jsonl", rows))
    words = {"good": "very", "bad": "not"}  # the vocabulary of the tiny model has neither Yes nor No
    done = online(method="pu-distill", data=data, judge={"name": "anchored", "words": [*words.values()]}, iterations=2,
                  batch_size=8, samples_per_prompt=4, optimizer_state="keep")  # fmt: skip
    first, second = rounds_of(done.folder)
    assert all(0 < score < 1 for each in first for score in each.scores if not math.isnan(score))
    assert Anchored.id == "anchored" and first[0].scores != second[0].scores


def test_a_score_that_is_no_number_stops_the_run_and_keeps_the_rounds_before(
    online: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from penchant.rewards.judge import Judge

    keys: dict[str, Any] = {"method": "grpo", "temperature": 1.0, "iterations": 3, "save_rounds": 3}
    whole = online("good", **keys)
    original, calls = Judge.sampled, []

    def infinite(self: Any, record: Any, responses: Any) -> Any:
        calls.append(1)
        scores, parts = original(self, record, responses)
        return ([math.inf, *scores[1:]] if len(calls) == 4 + 8 + 5 else scores), parts

    with monkeypatch.context() as patch:
        patch.setattr(FunctionJudge, "sampled", infinite)
        with pytest.raises(ConfigurationError, match=r"The judge function gave inf, which is not finite"):
            online("bad", **keys)
    assert len(rounds_of(whole.folder.parent / "bad")) == 1
    resumed = online("bad", resume=True, **keys)
    assert largest_gap(weights(resumed.folder), weights(whole.folder)) == 0.0


def test_responses_without_a_score_are_left_out_and_counted(online: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsure(self: Any, record: Any, responses: Any) -> Any:
        return [*range(len(responses) - 1), math.nan] if len(responses) > 1 else [0.0], {}

    monkeypatch.setattr(FunctionJudge, "sampled", unsure)
    done = online(method="grpo", temperature=1.0, iterations=1)
    row = metrics(done.folder)[min(metrics(done.folder))]
    assert row["sampled/unscored"] == 0.25 and all(math.isfinite(each) for each in losses(done.folder))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (lambda count: torch.full((count, count), 0.6), "P_ij and P_ji whose sum is not 1"),
        (
            lambda count: torch.full((count + 1, count + 1), 0.5),
            r"probabilities of shape \[5, 5\], expected shape \[4, 4\]",
        ),
        (lambda count: [[0.5] * count] * count, "gave probabilities of"),
    ],
    ids=["not antisymmetric", "of a further candidate", "no table"],
)
def test_a_table_of_comparisons_that_does_not_fit_is_refused_in_the_run(
    given: Any, told: str, online: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from penchant.rewards.judge import Judge

    monkeypatch.setattr(Judge, "compare", lambda self, prompt, responses: given(len(responses)))
    with pytest.raises(ConfigurationError, match=told):
        online(method="dno", samples_per_prompt=4, optimizer_state="keep")


@pytest.mark.parametrize(("name", "judge"), [("rlhs", "hindsight"), ("spo-minimax-queue", "queue")])
def test_a_recipe_runs_by_its_name_around_a_judge_of_ones_own(name: str, judge: str, online: Run) -> None:
    done = online(method=name, judge={"name": judge, "inner": REDS}, iterations=2, samples_per_prompt=3)
    assert done.summary["steps"] > 0 and all(math.isfinite(each) for each in losses(done.folder))
