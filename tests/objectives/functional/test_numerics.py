"""The delicate pieces at extreme inputs."""

from __future__ import annotations

import math

import pytest
import torch

from penchant.objectives.functional.numerics import (
    bounded_exp,
    k3,
    log1mexp,
    log_odds,
    logsigmoid,
    masked_mean,
    masked_sum,
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (-1e4, 0.0),
        (-50.0, -math.exp(-50)),
        (-math.log(2.0), -math.log(2.0)),
        (-1e-9, math.log(1e-9)),
        (-1e-15, math.log(1e-15)),
    ],
)
def test_log1mexp_is_exact_on_both_sides(given: float, expected: float) -> None:
    value = log1mexp(torch.tensor(given, dtype=torch.float64)).item()
    assert value == pytest.approx(expected, rel=1e-9, abs=0.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_log1mexp_and_its_gradient_are_finite_from_minus_ten_thousand_to_zero(dtype: torch.dtype) -> None:
    given = torch.tensor([-1e4, -100.0, -1.0, -0.6931, -1e-3, -1e-30, 0.0], dtype=dtype, requires_grad=True)
    value = log1mexp(given)
    value.sum().backward()
    assert given.grad is not None
    assert torch.isfinite(value).all() and (value <= 0).all() and torch.isfinite(given.grad).all()


def test_log1mexp_agrees_with_finite_differences() -> None:
    given = torch.tensor([-3.0, -0.7, -0.69, -0.01], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(log1mexp, [given])


def test_log_odds_undoes_logsigmoid_and_its_slope_is_one_over_the_rest() -> None:
    wanted = torch.tensor([-1e4, -30.0, -1.0, 0.0, 1.0, 20.0], dtype=torch.float64)
    given = logsigmoid(wanted).requires_grad_()
    odds = log_odds(given)
    torch.testing.assert_close(odds, wanted, rtol=1e-7, atol=1e-12)
    (slope,) = torch.autograd.grad(odds.sum(), given)
    torch.testing.assert_close(slope, 1 / (1 - torch.sigmoid(wanted)), rtol=1e-6, atol=0.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_log_odds_and_their_gradient_are_finite_up_to_certainty(dtype: torch.dtype) -> None:
    given = torch.tensor([-1e4, -1.0, -1e-3, -1e-30, 0.0], dtype=dtype, requires_grad=True)
    odds = log_odds(given)
    (slope,) = torch.autograd.grad(odds.sum(), given)
    assert torch.isfinite(odds).all() and torch.isfinite(slope).all() and (slope > 0).all()
    assert (odds.diff() >= 0).all()


def test_logsigmoid_is_linear_far_below_and_zero_far_above() -> None:
    given = torch.tensor([-1e4, 0.0, 1e4], dtype=torch.float64, requires_grad=True)
    value = logsigmoid(given)
    (gradient,) = torch.autograd.grad(value.sum(), given)
    assert value.tolist() == [-1e4, -math.log(2.0), 0.0]
    assert gradient.tolist() == [1.0, 0.5, 0.0]


def test_masked_sums_and_means_ignore_what_is_hidden() -> None:
    values = torch.tensor([[1.0, float("nan"), 3.0], [float("inf")] * 3], requires_grad=True)
    mask = torch.tensor([[True, False, True], [False] * 3])
    assert masked_sum(values, mask).tolist() == [4.0, 0.0]
    assert masked_mean(values, mask).tolist() == [2.0, 0.0]
    (gradient,) = torch.autograd.grad(masked_mean(values, mask).sum(), values)
    assert gradient.tolist() == [[0.5, 0.0, 0.5], [0.0] * 3]


def test_bounded_exp_is_the_exponential_up_to_fifty_and_its_tangent_beyond() -> None:
    given = torch.tensor([-1e4, -3.0, 0.0, 49.9, 60.0, 1e6], dtype=torch.float32, requires_grad=True)
    value = bounded_exp(given)
    (slope,) = torch.autograd.grad(value.sum(), given)
    torch.testing.assert_close(value[:4], given[:4].exp())
    torch.testing.assert_close(slope[:4], given[:4].exp())
    assert torch.isfinite(value).all() and torch.isfinite(slope).all()
    assert slope[4:].tolist() == pytest.approx([math.exp(50.0)] * 2) and value[4].item() == pytest.approx(
        11 * math.exp(50.0)
    )


def test_the_divergence_of_one_sample_is_never_negative_and_finite_far_away() -> None:
    gap = torch.tensor([-1e4, -1.0, -1e-6, 0.0, 1e-6, 1.0, 1e4], dtype=torch.float64, requires_grad=True)
    value = k3(gap)
    (slope,) = torch.autograd.grad(value.sum(), gap)
    assert (value >= 0).all() and torch.isfinite(value).all() and torch.isfinite(slope).all()
    assert value[3] == 0 and value[4].item() == pytest.approx(0.5e-12, rel=1e-3)
    assert value[5].item() == pytest.approx(math.e - 2) and value[0].item() == pytest.approx(1e4 - 1)
