"""The step rule `restart`: every round trains from the first weights, on samples of the policy of now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from online.conftest import Run
from online.killing import killed_and_resumed
from online.test_conversations import keys_of
from penchant.errors import ConfigurationError
from penchant.online.rollout_maker import RolloutMaker
from penchant.online.state import State
from penchant.online.step_rules import Restart
from penchant.training.trainer import PreferenceTrainer


def test_it_takes_back_what_is_trained_and_leaves_the_rest() -> None:
    policy = torch.nn.Linear(2, 2)
    policy.bias.requires_grad_(False)
    rule, first = Restart(), policy.weight.detach().clone()
    rule.begin(policy)
    with torch.no_grad():
        policy.weight.add_(1.0)
        policy.bias.add_(1.0)
    moved, bias = policy.weight.detach().clone(), policy.bias.detach().clone()
    state = State(optimizer={"state": {}})
    rule.before_training(3, policy, state, teaches=False)
    assert torch.equal(policy.weight, moved) and state.optimizer is not None, "nothing to learn: the policy stays"
    rule.before_training(3, policy, state)
    assert torch.equal(policy.weight, first) and torch.equal(policy.bias, bias) and state.optimizer is None


def test_each_round_samples_from_the_last_and_trains_from_the_first(
    online: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampled: list[torch.Tensor] = []
    trained: list[torch.Tensor] = []
    sample, train = RolloutMaker.sample, PreferenceTrainer.train

    def weights(model: Any) -> torch.Tensor:
        return torch.cat([each.detach().flatten() for each in model.parameters()]).clone()

    def sampling(self: RolloutMaker, *args: Any, **more: Any) -> Any:
        sampled.append(weights(self.engine.model))  # type: ignore[attr-defined]
        return sample(self, *args, **more)

    def training(self: PreferenceTrainer, *args: Any, **more: Any) -> Any:
        trained.append(weights(self.model))
        return train(self, *args, **more)

    monkeypatch.setattr(RolloutMaker, "sample", sampling)
    monkeypatch.setattr(PreferenceTrainer, "train", training)
    online("run", **{**keys_of(tmp_path, "optima-isft"), "iterations": 3}, step_rule="restart")
    assert len(sampled) == len(trained) == 3
    assert all(torch.equal(each, sampled[0]) for each in trained)
    assert not torch.equal(sampled[1], sampled[0]) and not torch.equal(sampled[2], sampled[1])


def test_killed_and_resumed_it_ends_as_an_uninterrupted_run(
    online: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {**keys_of(tmp_path, "optima-isft"), "iterations": 3, "step_rule": "restart", "save_every": 1}
    keys |= {"batch_size": 2, "accumulate": 1}
    keys["sampler"] = {**keys["sampler"], "formats": ["red red red", "old"], "format_rounds": 2}
    whole = online("whole", **keys)
    killed_and_resumed(online, keys, monkeypatch, whole, PreferenceTrainer, "training_step", whole.summary["steps"])


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"method": "grpo"}, "samples of those that the last one made"),
        ({"alternate": [{"objective": {"name": "dpo"}}]}, "starts each one anew"),
    ],
)
def test_where_it_has_no_meaning_it_is_refused(changed: dict[str, Any], match: str, online: Run) -> None:
    with pytest.raises(ConfigurationError, match=match):
        online("run", **changed, step_rule="restart")
