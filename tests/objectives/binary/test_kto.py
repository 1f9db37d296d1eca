"""KTO: the properties that its method sheet lists."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from objectives.ratios import with_ratios
from penchant.objectives import Losses, Scored, build

RATIO = st.floats(-20.0, 20.0)
ROWS = st.lists(st.tuples(RATIO, st.booleans(), RATIO), min_size=1, max_size=6)
BETA, WEIGHT = st.floats(0.05, 2.0), st.floats(0.1, 3.0)


def losses(ratios: Sequence[float], labels: Sequence[bool], mismatched: Sequence[float], **hyper: float) -> Losses:
    return build("kto", **hyper)(
        responses=with_ratios(ratios), label=torch.tensor(labels).double(), mismatched=with_ratios(mismatched)
    )


@given(RATIO, st.booleans(), BETA, WEIGHT)
def test_at_the_reference_point_the_loss_is_half_the_weight_and_its_slope_a_quarter(
    ratio: float, label: bool, beta: float, weight: float
) -> None:
    ratio = abs(ratio)
    responses, mismatched = with_ratios([ratio]), with_ratios([ratio])
    objective = build("kto", beta=beta, desirable_weight=weight, undesirable_weight=weight)
    values = objective(responses=responses, label=torch.tensor([float(label)]), mismatched=mismatched).values
    assert values.item() == pytest.approx(weight / 2, rel=1e-9)
    (slope,) = torch.autograd.grad(values.sum(), [responses.policy])
    assert slope.item() == pytest.approx((-1 if label else 1) * weight * beta / 4, rel=1e-6)


@given(ROWS, BETA, WEIGHT, WEIGHT)
def test_losses_lie_between_zero_and_the_weight(
    rows: list[tuple[float, bool, float]], beta: float, first: float, second: float
) -> None:
    ratios, labels, mismatched = zip(*rows, strict=True)
    found = losses(ratios, labels, mismatched, beta=beta, desirable_weight=first, undesirable_weight=second)
    for value, label in zip(found.values.tolist(), labels, strict=True):
        assert 0 <= value <= (first if label else second)


@given(ROWS)
def test_the_reference_point_is_the_mean_of_the_mismatched_ratios_and_never_negative(
    rows: list[tuple[float, bool, float]],
) -> None:
    ratios, labels, mismatched = zip(*rows, strict=True)
    points = losses(ratios, labels, mismatched).statistics["reference_point"]
    expected = max(0.0, sum(mismatched) / len(mismatched))
    assert points.tolist() == pytest.approx([expected] * len(rows), abs=1e-9)


@given(st.floats(0.0, 5.0), st.floats(0.01, 5.0))
def test_raising_the_mismatched_responses_raises_the_reference_point_alone(ratio: float, shift: float) -> None:
    first = losses([1.0], [True], [ratio]).statistics["reference_point"]
    second = losses([1.0], [True], [ratio + shift]).statistics["reference_point"]
    assert (second - first).item() == pytest.approx(shift, abs=1e-9)


def test_no_gradient_reaches_the_mismatched_responses() -> None:
    responses, mismatched = with_ratios([1.0, -1.0]), with_ratios([2.0, 3.0])
    values = build("kto")(responses=responses, label=torch.tensor([1.0, 0.0]), mismatched=mismatched).values
    own, other = torch.autograd.grad(
        values.sum(), [responses.policy, mismatched.policy], allow_unused=True, materialize_grads=True
    )
    assert (own != 0).all() and (other == 0).all()


def test_a_weight_of_zero_takes_one_label_out() -> None:
    responses = with_ratios([1.0, -1.0, 2.0])
    label: Tensor = torch.tensor([1.0, 0.0, 0.0])
    values = build("kto", undesirable_weight=0.0)(
        responses=responses, label=label, mismatched=with_ratios([0.5, 0.5, 0.5])
    ).values
    (slope,) = torch.autograd.grad(values.sum(), [responses.policy])
    assert (slope.flatten() == 0).tolist() == [False, True, True]


@pytest.mark.parametrize("label", [True, False])
def test_a_batch_of_one_label_works(label: bool) -> None:
    found = losses([0.5, 1.5], [label, label], [0.25, 0.75])
    signs = -1.0 if label else 1.0
    expected = [1 / (1 + math.exp(-0.1 * signs * (ratio - 0.5))) for ratio in (0.5, 1.5)]
    assert found.values.tolist() == pytest.approx(expected, rel=1e-12)


def test_the_examples_of_a_batch_share_one_reference_point() -> None:
    assert build("kto").batch_coupled
    alone = losses([1.0], [True], [4.0]).values
    together = losses([1.0, 1.0], [True, True], [4.0, 0.0]).values
    assert alone.item() > together[0].item()


def test_the_implicit_reward_is_beta_times_the_log_ratio() -> None:
    view: Scored = with_ratios([2.0, -4.0])
    rewards = build("kto", beta=0.25).rewards(view)
    assert rewards is not None and rewards.tolist() == pytest.approx([0.5, -1.0])
