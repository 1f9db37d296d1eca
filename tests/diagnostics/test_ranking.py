"""Ranking accuracy, its ideal, and difficulty: the sheet's checks."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from penchant.diagnostics.ranking import alignment_gap, difficulty, idealized_accuracy, idealized_margin, ranked_right
from penchant.errors import ConfigurationError

GAPS = st.lists(st.integers(-80, 80).map(lambda eighth: eighth / 8), min_size=1, max_size=8)


def gaps(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@given(GAPS, st.data(), st.sampled_from([0.05, 0.1, 1.0]))
def test_a_pair_is_ranked_right_exactly_below_its_threshold(
    policy: list[float], data: st.DataObject, beta: float
) -> None:
    reference = gaps(
        data.draw(st.lists(st.sampled_from([-9.0, -1.0, 0.0, 2.0]), min_size=len(policy), max_size=len(policy)))
    )
    found = difficulty(gaps(policy), reference, beta)
    assert torch.equal(found.right, ranked_right(gaps(policy), torch.zeros(len(policy), dtype=torch.float64)) > 0)
    clear = gaps(policy) != 0
    assert torch.equal((found.loss < found.threshold)[clear], found.right[clear])
    assert not bool((found.flippable & found.right).any())
    # At the mean loss a flippable pair would lie below its threshold.
    assert bool((found.threshold[found.flippable] >= found.loss.mean()).all())


@given(GAPS, st.floats(0.01, 10))
def test_undecided_annotators_leave_the_order_of_the_reference(reference: list[float], beta: float) -> None:
    expected = (gaps(reference) > 0).double()
    assert torch.equal(idealized_accuracy(gaps(reference), torch.full((len(reference),), 0.5), beta), expected)


@given(GAPS, st.data())
def test_the_two_limits_of_beta(reference: list[float], data: st.DataObject) -> None:
    count = len(reference)
    share = gaps(data.draw(st.lists(st.sampled_from([0.2, 0.45, 0.55, 0.9]), min_size=count, max_size=count)))
    assert torch.equal(idealized_accuracy(gaps(reference), share, 1e-6), (share > 0.5).double())
    decided = gaps(reference) != 0
    assert torch.equal(
        idealized_accuracy(gaps(reference), share, 1e6)[decided], (gaps(reference) > 0).double()[decided]
    )


def test_sure_labels_are_always_ranked_right_and_never_where_nobody_agrees() -> None:
    reference = gaps([-1e4, -1e4])
    assert idealized_accuracy(reference, gaps([1.0, 0.0]), 1.0).tolist() == [1.0, 0.0]
    assert idealized_margin(reference, gaps([1.0, 0.0]), 1.0, epsilon=1e-3).isfinite().all()


def test_before_training_observed_accuracy_is_the_references_and_the_gap_is_what_is_left() -> None:
    reference, share = gaps([1.0, -1.0, -1.0, 3.0]), gaps([0.9, 0.9, 0.6, 0.4])
    observed = ranked_right(reference, torch.zeros_like(reference))
    assert float(observed.mean()) == 0.5
    ideal = idealized_accuracy(reference, share, 0.2)
    assert ideal.tolist() == [1.0, 1.0, 1.0, 1.0]
    assert alignment_gap(ideal, observed) == 0.5


def test_a_pair_far_wrong_under_the_reference_needs_a_tiny_loss() -> None:
    found = difficulty(gaps([-40.0, -40.0, -0.1]), gaps([-40.0, -5.0, -0.1]), 1.0)
    assert float(found.threshold[0]) == pytest.approx(math.log1p(math.exp(-40.0)), rel=1e-9)
    assert found.threshold[0] < found.threshold[1] < found.threshold[2]


@pytest.mark.parametrize("beta", [0.0, -1.0])
def test_arguments_out_of_range_are_named(beta: float) -> None:
    with pytest.raises(ConfigurationError, match="beta is"):
        difficulty(gaps([0.0]), gaps([0.0]), beta)
    with pytest.raises(ConfigurationError, match="beta is"):
        idealized_margin(gaps([0.0]), gaps([0.5]), beta)
    with pytest.raises(ConfigurationError, match="not between 0 and 1"):
        idealized_margin(gaps([0.0]), gaps([1.5]), 1.0)
