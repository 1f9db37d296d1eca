"""Checked answers and spoiled scores in the tabular world."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from penchant.lab.worlds.tabular import (
    NOISE_KINDS,
    PAIRINGS,
    Dials,
    Samples,
    build_world,
    checked_world,
    expected_reward,
    length_of_wrong,
    noisy_lists,
    sample_lists,
    unscaled_group,
)

SEEDS = st.integers(0, 10_000)


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(1, 5))
def test_the_best_answers_are_right(seed: int, right: int) -> None:
    world = build_world(Dials(prompts=3, responses=6), seed)
    checked = checked_world(world, right)
    assert set(checked.reward.unique().tolist()) == {0.0, 1.0}
    assert checked.reward.sum(-1).tolist() == [right] * 3
    worst_right = world.reward.masked_fill(checked.reward == 0, torch.inf).min(-1).values
    assert bool((worst_right > world.reward.masked_fill(checked.reward == 1, -torch.inf).max(-1).values).all())


def test_the_numbers_of_right_answers_are_taken_in_turn() -> None:
    world = checked_world(build_world(Dials(prompts=5, responses=6), 0), (1, 4))
    assert world.reward.sum(-1).tolist() == [1, 4, 1, 4, 1]


def test_the_length_of_wrong_answers_is_weighed_by_how_often_they_are_given() -> None:
    world = checked_world(build_world(Dials(prompts=2, responses=4, shortest=1, longest=9), 3), 2)
    uniform = torch.full_like(world.reward, 0.25).log()
    assert length_of_wrong(world, uniform) == pytest.approx(float(world.lengths[world.reward == 0].double().mean()))
    shortest = world.lengths.double().masked_fill(world.reward == 1, torch.inf).argmin(-1, keepdim=True)
    nearly = torch.zeros_like(uniform).scatter(-1, shortest, 40.0).log_softmax(-1)
    assert length_of_wrong(world, nearly) == pytest.approx(float(world.lengths.gather(-1, shortest).double().mean()))


def test_unscaled_advantages_are_the_scores_less_their_mean() -> None:
    world = checked_world(build_world(Dials(prompts=2, responses=4), 0), 1)
    prompt, response = torch.tensor([0, 1]), torch.tensor([[0, 1, 2, 3], [0, 0, 1, 1]])
    scores = world.reward[prompt.unsqueeze(-1), response]
    samples = Samples(prompt, response, scores, world.reference, None, 0)
    unscaled, usual = unscaled_group(world, samples), PAIRINGS["group"](world, samples)
    expected = (scores - scores.mean(-1, keepdim=True)).flatten()
    assert unscaled.fields["advantage"].tolist() == pytest.approx(expected.tolist())
    assert unscaled.fields["advantage"].tolist() != usual.fields["advantage"].tolist()
    assert torch.equal(unscaled.fields["old_policy"], usual.fields["old_policy"])
    assert 0 < expected_reward(world, world.reference) < 1


@settings(max_examples=5, deadline=None)
@given(SEEDS)
def test_each_kind_of_noise_spoils_scores_in_its_way(seed: int) -> None:
    lists = sample_lists(build_world(Dials(), 0), seed=0, count=400)
    clean, spoiled = lists.fields["scores"].view(400, -1), noisy_lists(lists, seed)
    assert tuple(spoiled) == NOISE_KINDS
    errors = {kind: each.fields["scores"].view(400, -1) - clean for kind, each in spoiled.items()}
    assert float(errors["gaussian"].std()) == pytest.approx(1.0, abs=0.15)
    assert float(errors["heavy-tailed"].abs().median()) == pytest.approx(0.5, abs=0.1)
    assert float(errors["heavy-tailed"].abs().max()) > 10 * float(errors["heavy-tailed"].abs().median())
    turned = (spoiled["reversed"].fields["scores"].view(400, -1) == -clean).all(-1)
    assert float(turned.double().mean()) == pytest.approx(0.2, abs=0.1)
    assert bool((errors["reversed"][~turned] == 0).all())


@settings(max_examples=5, deadline=None)
@given(SEEDS)
def test_noise_changes_only_scores_and_follows_its_seed(seed: int) -> None:
    lists = sample_lists(build_world(Dials(), 0), seed=0, count=5)
    first, again = noisy_lists(lists, seed), noisy_lists(lists, seed)
    for kind in NOISE_KINDS:
        assert torch.equal(first[kind].fields["scores"], again[kind].fields["scores"])
        assert first[kind].views is lists.views and torch.equal(first[kind].fields["ranks"], lists.fields["ranks"])
