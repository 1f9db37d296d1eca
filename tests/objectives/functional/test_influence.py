"""Weights of tokens by what follows them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from penchant.objectives.functional.influence import discounted_rest, influence_weights

LOSSES = torch.rand(3, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
MASK = torch.arange(9) < torch.tensor([[9], [4], [1]])
KINDS = [(influence, norm) for influence in ("loss", "logps", "mask") for norm in ("L1", "L2", "log", "softmax")]


@given(st.integers(1, 40), st.floats(0, 1))
def test_the_rest_is_the_discounted_sum_of_a_plain_loop(length: int, discount: float) -> None:
    values = torch.rand(2, length, generator=torch.Generator().manual_seed(length), dtype=torch.float64)
    expected, rest = torch.zeros_like(values), torch.zeros(2, dtype=torch.float64)
    for place in reversed(range(length)):
        rest = values[:, place] + discount * rest
        expected[:, place] = rest
    torch.testing.assert_close(discounted_rest(values, discount), expected)


@pytest.mark.parametrize(("influence", "norm"), KINDS)
@pytest.mark.parametrize("discount", [0.0, 0.5, 1.0])
def test_the_weights_of_a_response_sum_to_its_length(influence, norm, discount) -> None:
    weights = influence_weights(LOSSES.masked_fill(~MASK, torch.nan), MASK, discount, influence, norm)
    torch.testing.assert_close(weights.sum(-1), MASK.sum(-1).double())
    assert (weights[~MASK] == 0).all()


@pytest.mark.parametrize("influence", ["loss", "logps"])
def test_scaled_losses_have_the_same_weights(influence) -> None:
    one, other = (influence_weights(scale * LOSSES, MASK, 0.9, influence) for scale in (1.0, 7.0))
    torch.testing.assert_close(one, other)


def test_weights_by_position_fall_and_do_not_depend_on_the_losses() -> None:
    one, other = (influence_weights(each, MASK, 0.9, "mask") for each in (LOSSES, LOSSES.flip(-1)))
    torch.testing.assert_close(one, other)
    assert (one[0].diff() < 0).all()


def test_the_last_of_equal_losses_has_the_smallest_weight() -> None:
    weights = influence_weights(torch.ones(1, 6), torch.ones(1, 6, dtype=torch.bool), 0.95)
    assert weights.argmin().item() == 5


def test_a_certain_response_has_equal_weights_and_finite_gradients() -> None:
    losses = torch.zeros(1, 4, requires_grad=True)
    weights = influence_weights(losses, torch.ones(1, 4, dtype=torch.bool), 0.95)
    assert weights.tolist() == [[1.0] * 4]
    (weights * losses).sum().backward()
    assert losses.grad is not None
    assert losses.grad.isfinite().all()


@pytest.mark.parametrize(("influence", "norm"), KINDS)
@pytest.mark.parametrize("discount", [0.0, 0.5, 1.0])
def test_on_the_right_side_weights_sum_to_the_length_and_are_those_of_each_response_alone(
    influence, norm, discount
) -> None:
    given = LOSSES.masked_fill(~MASK, torch.nan)
    weights = influence_weights(given, MASK, discount, influence, norm, "right")
    torch.testing.assert_close(weights.sum(-1), MASK.sum(-1).double())
    assert (weights[~MASK] == 0).all()
    for row in range(3):
        alone = influence_weights(given[row : row + 1], MASK[row : row + 1], discount, influence, norm, "right")
        torch.testing.assert_close(alone[0], weights[row])


@given(st.integers(1, 12), st.floats(0.05, 1), st.sampled_from(["L1", "L2", "log", "softmax"]))
def test_the_right_side_is_a_plain_loop_over_what_stands_before(length: int, discount: float, norm) -> None:
    losses = 0.01 + torch.rand(length, generator=torch.Generator().manual_seed(length), dtype=torch.float64)
    sums, rest = [], 0.0
    for value in losses.tolist():
        rest = value / length + discount * rest
        sums.append(rest)
    raised = torch.tensor(sums, dtype=torch.float64) + min(sums)
    inverse = {"L1": 1 / raised, "L2": raised**-2, "log": 1 / (1 + raised).log(), "softmax": (1 / raised).exp()}[norm]
    found = influence_weights(losses[None], torch.ones(1, length, dtype=torch.bool), discount, "loss", norm, "right")
    torch.testing.assert_close(found[0], inverse * length / inverse.sum())


def test_on_the_right_side_weights_fall_with_what_stands_before_and_a_certain_response_has_equal_ones() -> None:
    whole = torch.ones(1, 5, dtype=torch.bool)
    weights = influence_weights(torch.ones(1, 5), whole, 0.95, side="right")
    assert (weights[0].diff() < 0).all()
    losses = torch.zeros(1, 5, requires_grad=True)
    found = influence_weights(losses, whole, 0.95, side="right")
    assert found.tolist() == [[1.0] * 5]
    (found * losses).sum().backward()
    assert losses.grad is not None and losses.grad.isfinite().all()
