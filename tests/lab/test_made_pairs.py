"""Pairs made by ratings and by rejection sampling, and policies of a given reward."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from penchant.lab.worlds.tabular import (
    Dials,
    Examples,
    Rows,
    World,
    build_world,
    divergence,
    expected_reward,
    policy_of_reward,
    rated_pairs,
    resampled_pairs,
)

SEEDS = st.integers(0, 10_000)


def rewards(world: World, pairs: Examples, view: str) -> Tensor:
    """The true reward of each response of a view."""
    rows = pairs.views[view]
    assert isinstance(rows, Rows)
    return world.reward[rows.prompt, rows.response]


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.sampled_from([0.0, 0.5, 2.0]))
def test_the_better_rated_response_is_chosen(seed: int, noise: float) -> None:
    world = build_world(Dials(score_noise=noise, temperature=0.5, flips=0.4), seed)
    pairs = rated_pairs(world, seed, count=50)
    lead = pairs.fields["chosen_score"] - pairs.fields["rejected_score"]
    assert (lead >= 0).all()
    torch.testing.assert_close(pairs.fields["probability"], torch.sigmoid(lead / 0.5))
    if noise == 0:
        torch.testing.assert_close(lead, rewards(world, pairs, "chosen") - rewards(world, pairs, "rejected"))


def test_ratings_with_an_error_choose_wrongly_at_times() -> None:
    world = build_world(Dials(score_noise=2.0), seed=0)
    pairs = rated_pairs(world, seed=0)
    assert (rewards(world, pairs, "chosen") < rewards(world, pairs, "rejected")).any()


def test_resampled_pairs_come_from_better_policies_as_the_temperature_falls() -> None:
    world = build_world(Dials(responses=30), seed=1)
    means = []
    for beta in (math.inf, 1.0, 0.3):
        pairs = resampled_pairs(world, seed=1, beta=beta, repeats=6)
        chosen, rejected = rewards(world, pairs, "chosen"), rewards(world, pairs, "rejected")
        assert (chosen > rejected).all(), "without an error the better one is chosen, and none meets itself"
        means.append(float((chosen + rejected).mean()))
    assert means[0] < means[1] < means[2]


def test_resampled_pairs_follow_their_seed() -> None:
    world = build_world(Dials(score_noise=1.0), seed=2)
    first, again, other = (resampled_pairs(world, seed, repeats=1).views["chosen"] for seed in (3, 3, 4))
    assert isinstance(first, Rows) and isinstance(again, Rows) and isinstance(other, Rows)
    assert first.response.equal(again.response) and not first.response.equal(other.response)


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.floats(0.2, 0.8))
def test_no_policy_of_the_same_reward_is_nearer_to_the_reference(seed: int, share: float) -> None:
    world = build_world(Dials(prompts=3, responses=4), seed)
    lowest, highest = expected_reward(world, world.reference), float(world.reward.max(-1).values.mean())
    wanted = lowest + share * (highest - lowest)
    nearest = policy_of_reward(world, wanted)
    assert expected_reward(world, nearest) == pytest.approx(wanted, abs=1e-6)
    # Of the way from the reference to always the best response, the policy with the same reward.
    best = torch.nn.functional.one_hot(world.reward.argmax(-1), 4).double()
    mixture = ((1 - share) * world.reference.exp() + share * best).log()
    assert expected_reward(world, mixture) == pytest.approx(wanted, abs=1e-6)
    assert divergence(nearest, world.reference) <= divergence(mixture, world.reference) + 1e-9
