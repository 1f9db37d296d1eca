"""Hyper-parameters by round: each round has its own, a resumed run agrees, and wrong ones are refused."""

from __future__ import annotations

from typing import Any

import pytest

from online.conftest import Run
from penchant.errors import ConfigurationError
from penchant.objectives import build
from penchant.online.by_round import check_by_round, of_round
from penchant.training.trainer import PreferenceTrainer
from small_runs import largest_gap, weights

KEYS: dict[str, Any] = {
    "objective": {"name": "xpo", "alpha": 0.3},
    "opponent": {"name": "checkpoint", "checkpoint": "initial"},
    "pairing": {"name": "duel", "between": "across"},
    "by_round": {"alpha": [0.5, 0.0]},
}


def test_each_round_trains_with_its_own_value_and_a_resumed_run_agrees(
    online: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []
    train = PreferenceTrainer.train

    def watched(self: PreferenceTrainer, *args: Any, **more: Any) -> Any:
        seen.append(self.objective.alpha)  # type: ignore[attr-defined]
        return train(self, *args, **more)

    monkeypatch.setattr(PreferenceTrainer, "train", watched)
    whole = online("whole", **KEYS)
    assert seen == [0.5, 0.0, 0.0]
    parted = online("parted", **KEYS)
    for last in (parted.folder / "states").glob("state-00003.*"):
        last.unlink()
    resumed = online("parted", resume=True, **KEYS)
    assert seen[-1] == 0.0 and largest_gap(weights(resumed.folder), weights(whole.folder)) == 0
    constant = online("constant", **{**KEYS, "by_round": {}})
    assert largest_gap(weights(constant.folder), weights(whole.folder)) > 0


def test_the_value_is_taken_back_after_an_error() -> None:
    xpo = build("xpo", alpha=0.5)
    with pytest.raises(RuntimeError), of_round(xpo, {"alpha": [0.1]}, 0):
        raise RuntimeError
    assert xpo.hyper["alpha"] == 0.5


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"alpa": [0.1]}, "no hyper-parameter 'alpa'. Did you mean 'alpha'"),
        ({"alpha": []}, "no value of 'alpha'"),
        ({"alpha": [0.1, -1.0]}, "alpha"),
    ],
)
def test_what_the_objective_cannot_have_is_refused(given: dict[str, Any], told: str, online: Run) -> None:
    with pytest.raises(ConfigurationError, match=told):
        online("wrong", **{**KEYS, "by_round": given})


def test_a_sum_keeps_its_hyper_parameters() -> None:
    both = build("dpo+nll")
    with of_round(both, {}, 3):
        pass
    with pytest.raises(ConfigurationError, match="is a sum"):
        check_by_round(both, {"dpo.beta": [0.1]})
