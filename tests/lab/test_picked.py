"""Pairs picked for how their responses relate."""

from __future__ import annotations

import pytest
import torch

from penchant.errors import ConfigurationError
from penchant.lab.worlds.tabular import (
    Dials,
    Rows,
    best_two,
    build_world,
    fit,
    initial_policy,
    likelihood_change,
    log_probabilities,
    similar_pairs,
)

LINEAR = Dials(prompts=3, responses=5, features=4)


def places(examples: object) -> list[tuple[int, int, int]]:
    """(prompt, chosen, rejected) of each pair."""
    views = [examples.views[name] for name in ("chosen", "rejected")]  # type: ignore[attr-defined]
    assert all(isinstance(view, Rows) for view in views)
    return list(zip(views[0].prompt.tolist(), views[0].response.tolist(), views[1].response.tolist(), strict=True))


@pytest.mark.parametrize("seed", range(3))
def test_the_best_two_leave_nothing_better(seed: int) -> None:
    world = build_world(LINEAR, seed)
    for prompt, chosen, rejected in places(best_two(world)):
        reward = world.reward[prompt]
        assert reward[chosen] > reward[rejected]
        assert sum(reward > reward[rejected]) == 1


@pytest.mark.parametrize("seed", range(3))
def test_no_other_pair_in_the_right_order_is_more_alike(seed: int) -> None:
    world = build_world(LINEAR, seed)

    def alike(prompt: int, chosen: int, rejected: int) -> float:
        one, other = world.features[prompt, chosen], world.features[prompt, rejected]
        return float(one @ other - one @ one)

    for prompt, chosen, rejected in places(similar_pairs(world)):
        reward, size = world.reward[prompt], range(world.dials.responses)
        assert reward[chosen] > reward[rejected]
        others = [alike(prompt, i, j) for i in size for j in size if reward[i] > reward[j]]
        assert alike(prompt, chosen, rejected) == pytest.approx(max(others))


def test_without_features_nothing_is_alike() -> None:
    with pytest.raises(ConfigurationError, match="no features"):
        similar_pairs(build_world(Dials(), 0))


def test_the_change_is_that_of_the_log_probabilities() -> None:
    world = build_world(LINEAR, 0)
    pairs = best_two(world)
    assert likelihood_change(world, initial_policy(world), pairs) == pytest.approx(0.0, abs=1e-12)
    policy = fit(world, "nll", pairs, steps=20)
    by_hand = [
        log_probabilities(policy)[prompt, chosen] - world.reference[prompt, chosen]
        for prompt, chosen, _ in places(pairs)
    ]
    assert likelihood_change(world, policy, pairs) == pytest.approx(float(torch.stack(by_hand).mean()))
    assert likelihood_change(world, policy, pairs) > 0
