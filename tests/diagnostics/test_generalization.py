"""Explicit against implicit rewards: the protocol's invariances."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from penchant.diagnostics.generalization import compare_rewards, pair_accuracy
from penchant.errors import ConfigurationError

PAIRS = st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=1, max_size=10).map(
    lambda rows: torch.tensor(rows, dtype=torch.float64).unbind(-1)
)


@given(PAIRS)
def test_monotone_transformations_and_shifts_of_prompts_change_nothing(pairs: tuple[Tensor, Tensor]) -> None:
    chosen, rejected = pairs
    accuracy = pair_accuracy(chosen, rejected)
    assert pair_accuracy(torch.exp(chosen), torch.exp(rejected)) == accuracy
    shift = torch.arange(len(chosen)) * 8.0
    assert pair_accuracy(chosen + shift, rejected + shift) == accuracy
    assert pair_accuracy(rejected, chosen) == pytest.approx(1 - accuracy)


def test_an_untrained_policy_is_all_ties() -> None:
    assert pair_accuracy(torch.zeros(5), torch.zeros(5)) == 0.5


@given(PAIRS, PAIRS)
def test_identical_scores_have_no_gap(own: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> None:
    sets = {"own": own, "other": other}
    found = compare_rewards(sets, sets, "own")
    assert found.mean_drop == found.max_drop == 0 and found.drops == {"other": 0.0}


def test_drops_are_of_shifted_sets_alone() -> None:
    right, wrong = (torch.ones(2), torch.zeros(2)), (torch.zeros(2), torch.ones(2))
    half = (torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]))
    explicit = {"own": wrong, "a": right, "b": right}
    found = compare_rewards(explicit, {"own": right, "a": half, "b": wrong}, "own")
    assert found.drops == {"a": 0.5, "b": 1.0} and (found.mean_drop, found.max_drop) == (0.75, 1.0)


def test_sets_that_do_not_match_are_refused() -> None:
    one = (torch.ones(1), torch.zeros(1))
    with pytest.raises(ConfigurationError, match="Score the same sets"):
        compare_rewards({"own": one}, {"own": one, "other": one}, "own")
    with pytest.raises(ConfigurationError, match="no pair"):
        pair_accuracy(torch.ones(0), torch.ones(0))
