"""A loss that is written as logic in a recipe trains."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from penchant.training import Result
from small_runs import metrics

Train = Callable[..., Result]


@pytest.mark.parametrize(
    "objective",
    [
        {"name": "logic", "top": "M(w) and not M(l)", "bottom": "M(l) and not M(w)"},
        {"name": "logic", "formula": "M(l) implies M(w)", "reference": True, "link": "hinge"},
    ],
    ids=["top and bottom", "statement with reference"],
)
def test_a_recipe_with_formulas_trains(objective: dict[str, object], train: Train) -> None:
    result = train(objective=objective, max_steps=6, learning_rate=0.1)
    rows = metrics(result.folder)
    assert rows[6]["rho"] > rows[1]["rho"]
    assert result.summary["after"]["rewards/margin"] > result.summary["before"]["rewards/margin"]
