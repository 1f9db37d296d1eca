"""Phase II: a convex loss with one minimum."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from penchant.rewards.convex.preference import fit_output, preference_loss


def problem(seed: int = 0) -> tuple[Tensor, Tensor]:
    draws = torch.Generator().manual_seed(seed)
    hidden = torch.randn(30, 5, generator=draws, dtype=torch.float64).relu()
    return hidden, torch.where(torch.rand(30, generator=draws) < 0.5, 1.0, -1.0).double()


@given(st.integers(0, 100), st.floats(0, 1), st.floats(-2, 2))
def test_the_loss_is_convex(seed: int, share: float, gamma: float) -> None:
    hidden, labels = problem(seed)
    draws = torch.Generator().manual_seed(seed + 1)
    a, b = (3 * torch.randn(5, generator=draws, dtype=torch.float64) for _ in range(2))
    between = preference_loss(share * a + (1 - share) * b, hidden, labels, gamma=gamma)
    ends = [preference_loss(each, hidden, labels, gamma=gamma) for each in (a, b)]
    assert float(between) <= share * float(ends[0]) + (1 - share) * float(ends[1]) + 1e-9


def test_the_minimum_does_not_depend_on_the_start() -> None:
    hidden, labels = problem()
    starts = [None, torch.full((5,), 4.0), torch.full((5,), -7.0)]
    first, *others = [fit_output(hidden, labels, beta=2.0, gamma=0.3, start=start) for start in starts]
    for other in others:
        torch.testing.assert_close(other, first, atol=1e-6, rtol=0)


def test_the_gradient_is_zero_at_the_minimum() -> None:
    hidden, labels = problem(1)
    out = fit_output(hidden, labels, beta=1.5, gamma=0.2, ridge=0.01).requires_grad_()
    loss = preference_loss(out, hidden, labels, 1.5, 0.2) + 0.005 * (1.5 * out).square().sum()
    loss.backward()
    assert float(out.grad.norm()) < 1e-6  # type: ignore[union-attr]


@given(st.integers(0, 100), st.floats(0.1, 3), st.floats(-2, 2))
def test_the_gradient_is_that_of_finite_differences(seed: int, beta: float, gamma: float) -> None:
    hidden, labels = problem(seed)
    out = torch.randn(5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda each: preference_loss(each, hidden, labels, beta, gamma), [out])
    # Rewards of ten thousand leave it finite.
    assert preference_loss(1e4 * out, hidden, labels, beta, gamma).isfinite()


def test_doubling_beta_halves_the_output_layer() -> None:
    hidden, labels = problem(2)
    torch.testing.assert_close(2 * fit_output(hidden, labels, beta=2.0), fit_output(hidden, labels, beta=1.0))


def test_gamma_shifts_the_logit() -> None:
    hidden, labels = problem(3)
    loss = preference_loss(torch.zeros(5, dtype=torch.float64), hidden, labels, gamma=0.7)
    assert float(loss) == pytest.approx(math.log(1 + math.exp(0.7)))
