"""Losses that average over the tokens of a step are computed in micro-batches, each scored once."""

from __future__ import annotations

from typing import Any

import pytest

from online.conftest import Run
from penchant.likelihood.causal import CausalScorer
from penchant.objectives import build
from small_runs import largest_gap, losses, metrics, weights

LONG = [pytest.param(name, marks=pytest.mark.long) for name in ("dapo", "cispo", "reinforce-pp")]


def test_only_what_needs_the_scores_of_the_whole_step_is_scored_twice() -> None:
    once = {name: build(name).scored_twice for name in ("grpo", "bnpo", "dapo", "cispo", "reinforce-pp", "ppo")}
    assert not any(once.values())
    assert build("kto").scored_twice and build("ppo", aggregation="seq-mean-token-sum-norm").scored_twice
    assert build("bnpo+0.1*nll").scored_twice, "a sum knows no lengths of its parts"


@pytest.mark.parametrize("name", ["bnpo", "ppo", *LONG])
def test_a_split_step_is_the_undivided_one_and_is_scored_once(
    name: str, online: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = "ppo" if name == "ppo" else "grpo"
    objective: Any = {"name": name, "beta": 0.1} if name in ("bnpo", "cispo", "reinforce-pp") else name
    keys = {"method": method, "objective": objective, "iterations": 1, "batch_size": 5, "epochs": 1, "eval_limit": 1}
    keys |= {"optimizer": "sgd", "learning_rate": 0.05, "max_grad_norm": 0.0}
    scored: list[int] = []
    score = CausalScorer.score_batch

    def counted(self: Any, batch: Any, *given: Any) -> Any:
        scored.append(len(batch))
        return score(self, batch, *given)

    monkeypatch.setattr(CausalScorer, "score_batch", counted)
    whole = online("whole", accumulate=1, **keys)
    undivided, scored[:] = len(scored), []
    # Of four parts of the second step, of three prompts, one only fills a micro-batch.
    split = online("split", accumulate=4, **keys)
    assert len(scored) - undivided == 2 * 3, "two steps, each in four parts"
    assert losses(split.folder) == pytest.approx(losses(whole.folder), abs=1e-5)
    assert largest_gap(weights(split.folder), weights(whole.folder)) < 1e-6
    for step, row in metrics(whole.folder).items():
        for key in row.keys() - {"split", "seconds", "tokens_per_second", "tokens_saved"}:
            assert metrics(split.folder)[step][key] == pytest.approx(row[key], rel=1e-3, abs=1e-4), (step, key)
