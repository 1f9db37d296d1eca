"""Objectives whose examples depend on the whole step: split into micro-batches, a step is the same as undivided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from penchant.objectives import build
from penchant.objectives.core.registry import OBJECTIVES
from penchant.training import Result
from small_runs import both_sides, largest_gap, losses, metrics, pairs, weights

Train = Callable[..., Result]
EXACT = 1e-5
PAIRS, JUDGED = {"chosen", "rejected"}, {"responses", "label", "mismatched"}


def coupled() -> list[str]:
    """Every coupled objective that pairs or judged responses supply."""
    found = []
    for name in OBJECTIVES:
        objective = build(name) if OBJECTIVES.get(name).family != "wrappers" else None
        if objective is not None and objective.batch_coupled and "diffusion" not in objective.tags:
            wanted = {*objective.requirements.views, *objective.requirements.fields} - objective.requirements.optional
            if wanted <= PAIRS or wanted <= JUDGED:
                found.append(name)
    return found


#: Further ones: with statistics of tokens, a head of the objective's own, and norms of gradients.
MORE = ["aot-paired+0.1*wpo", "aot-paired+sparse-token-mask", "cpo+pairwise-normalized-gradient"]


@pytest.mark.parametrize("objective", [*coupled(), *MORE])
def test_a_split_step_is_the_undivided_one(objective: str, train: Train) -> None:
    wanted = build(objective.split("+")[0]).requirements
    data = pairs() if set(wanted.views) <= PAIRS else both_sides(pairs())
    recipe: dict[str, Any] = {"data": data, "objective": objective, "batch_size": 5, "max_steps": 3, "optimizer": "sgd"}
    recipe |= {"learning_rate": 1e-2, "max_grad_norm": 0.0, "warmup": 0.0}
    whole = train("whole", accumulate=1, **recipe)
    # Of seven parts of a step of five two only fill a micro-batch.
    for parts in (2, 7):
        split = train(f"split-{parts}", accumulate=parts, **recipe)
        assert losses(split.folder) == pytest.approx(losses(whole.folder), abs=EXACT)
        assert largest_gap(weights(split.folder), weights(whole.folder)) < EXACT
        for step, row in metrics(whole.folder).items():
            for key in row.keys() - {"split", "seconds", "tokens_per_second", "tokens_saved"}:
                assert metrics(split.folder)[step][key] == pytest.approx(row[key], rel=1e-3, abs=1e-4), (step, key)


def test_dropout_of_an_adapter_is_that_of_the_undivided_step(train: Train) -> None:
    recipe: dict[str, Any] = {"data": both_sides(pairs()), "objective": "kto", "batch_size": 4, "max_steps": 3}
    recipe |= {"lora": {"rank": 4, "dropout": 0.3}, "learning_rate": 1e-2, "max_grad_norm": 0.0, "optimizer": "sgd"}
    whole, split = train("whole", accumulate=1, **recipe), train("split", accumulate=2, **recipe)
    assert losses(split.folder) == pytest.approx(losses(whole.folder), abs=EXACT)
    points = [row["reference_point"] for row in metrics(whole.folder).values()]
    assert [row["reference_point"] for row in metrics(split.folder).values()] == pytest.approx(points, abs=EXACT)
