"""``overlap: 1``: the next round is drawn from a server while this one trains."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from online.conftest import Run
from online.test_samples import rollouts
from penchant.errors import ConfigurationError
from penchant.forest import TokenSequence, build_forest
from penchant.likelihood.causal import CausalScorer
from penchant.likelihood.loading import load_model
from penchant.online import loop
from penchant.online.rollout_maker import RolloutMaker
from served_apart import served_apart
from small_runs import largest_gap, losses, metrics, stopped_after, weights

KEYS: dict[str, Any] = {"method": "grpo", "overlap": 1, "staleness": "token", "learning_rate": 0.02, "eval_limit": 2}


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[dict[str, Any]]:
    """Keys of an engine whose server is a process of its own."""
    with served_apart(folder) as url:
        yield {"name": "server", "url": url, "model": "policy", "attempts": 1}


def test_the_next_round_is_drawn_while_this_one_trains(
    online: Run, server: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn_by: list[str] = []
    states: dict[int, Any] = {}
    judged, save = RolloutMaker._judged, loop.save_state

    def noted(self: RolloutMaker, *given: Any) -> Any:
        drawn_by.append(threading.current_thread().name)
        return judged(self, *given)

    def kept(place: Path, done: int, state: dict[str, Any], about: Any) -> None:
        states[done] = {name: weight.clone() for name, weight in state["policy"].items()}
        save(place, done, state, about)

    monkeypatch.setattr(RolloutMaker, "_judged", noted)
    monkeypatch.setattr(loop, "save_state", kept)
    run = online(engine={**server, "update": "vllm"}, **KEYS)
    assert drawn_by == ["MainThread"] * 8 + ["round 2"] * 8 + ["round 3"] * 8
    assert [{each["version"] for each in rollouts(run, number)} for number in (1, 2, 3)] == [{0}, {0}, {1}]
    model = load_model(str(folder))
    model.load_state_dict(states[1])
    scorer = CausalScorer(model)
    moved = 0.0
    for each in rollouts(run, 3):
        for answer, weight in zip(each["responses"], each["weights"], strict=True):
            laid = build_forest([TokenSequence(each["prompt_ids"], answer["ids"])])
            own = scorer.score(laid)["logps"].detach()
            torch.testing.assert_close(own, torch.tensor(answer["logps"]), atol=1e-4, rtol=0)
            moved = max([moved, *(abs(one - 1) for one in weight)])
    assert moved > 0.01, "the weights correct for the round between"
    assert not list(run.folder.glob("rounds/*/drawn*")) and not run.summary["warnings"]
    assert metrics(run.folder)[5]["sampled/logp_gap"] > 1e-3, "it is measured, and no alarm"


def test_a_stopped_run_goes_on_exactly(online: Run, server: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {**KEYS, "engine": {**server, "update": "vllm-lora"}, "lora": {"rank": 2}, "batch_size": 8}
    keys |= {"iterations": 4}
    whole = online("whole", **keys)
    # Without any state, and with one whose next round has been drawn by the weights before.
    stopped_after(1, lambda: online("parted", **keys), monkeypatch)
    stopped_after(3, lambda: online("parted", **keys, resume=True), monkeypatch)
    parted = online("parted", **keys, resume=True)
    assert [rollouts(parted, number) for number in (1, 2, 3, 4)] == [rollouts(whole, number) for number in (1, 2, 3, 4)]
    assert losses(parted.folder) == losses(whole.folder)
    assert largest_gap(weights(parted.folder), weights(whole.folder)) == 0


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({}, r"overlap: The engine 'transformers' samples from the model in training.*server=URL"),
        ({"server": "http://localhost/v1", "engine.update": "vllm", "staleness": "refuse"}, r"overlap: .*staleness"),
        ({"server": "http://localhost/v1", "judge": "policy"}, r"overlap: The judge 'policy' reads the policy"),
        ({"server": "http://localhost/v1", "opponent": "checkpoint"}, r"overlap: The opponent 'checkpoint'"),
        ({"server": "http://localhost/v1", "step_rule": "extragradient", "iterations": 2}, r"overlap: .*look-ahead"),
    ],
)
def test_what_needs_the_policy_that_trains_is_refused(keys: dict[str, Any], told: str, online: Run) -> None:
    with pytest.raises(ConfigurationError, match=told):
        online(**{**KEYS, **keys})
