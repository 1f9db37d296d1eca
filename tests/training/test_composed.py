"""A run with objectives around objectives, and the same run from what its folder says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import penchant
from penchant.objectives import build
from penchant.training import Result
from small_runs import largest_gap, losses, metrics, weights

TEXT = "wpo-weighted(tail-weighted(rdpo))+0.2*averaged(nll)"


def test_the_resolved_recipe_trains_the_same_again(train: Callable[..., Result], tmp_path: Path) -> None:
    first = tmp_path / "first"
    train(output=str(first), objective={"name": TEXT, "alpha": 0.3, "rdpo.beta": 0.4}, max_steps=3)
    recipe = penchant.training.read_recipe(first / "recipe.yaml")
    assert recipe.objective["name"] == TEXT and recipe.objective["tail-weighted.alpha"] == 0.3
    second = tmp_path / "second"
    train(output=str(second), objective=recipe.objective, max_steps=3)
    assert losses(second) == losses(first) and largest_gap(weights(second), weights(first)) == 0.0
    third = tmp_path / "third"
    train(output=str(third), objective=build(TEXT, alpha=0.3, **{"rdpo.beta": 0.4}), max_steps=3)
    assert losses(third) == losses(first)
    told = metrics(first)[1]
    assert 0.0 < told["wpo-weighted(tail-weighted(rdpo))/weight"] <= 1.0
    assert told["loss"] == pytest.approx(
        told["wpo-weighted(tail-weighted(rdpo))/loss"] + 0.2 * told["averaged(nll)/loss"], rel=1e-5
    )
