"""IPO: the properties that its method sheet lists, for both averagings."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from penchant.objectives import Scored, build

LOGPS = st.lists(st.floats(-20.0, 0.0), min_size=1, max_size=6)
BETAS = st.floats(0.05, 2.0)


def view(policy: list[float], reference: float = -1.0) -> Scored:
    tokens = torch.tensor([policy], dtype=torch.float64, requires_grad=True)
    return Scored(tokens, torch.full_like(tokens, reference), torch.ones_like(tokens) > 0)


@given(LOGPS, BETAS, st.booleans())
def test_at_zero_margin_the_loss_is_the_squared_target(policy: list[float], beta: float, average: bool) -> None:
    objective = build("ipo", beta=beta, average_log_prob=average)
    value = objective(chosen=view(policy), rejected=view(policy)).values.item()
    assert value == pytest.approx(1 / (4 * beta**2), rel=1e-12)


@given(st.integers(1, 5), BETAS, st.booleans())
def test_loss_and_gradient_vanish_at_the_target_and_the_gradient_turns_beyond_it(
    length: int, beta: float, average: bool
) -> None:
    objective = build("ipo", beta=beta, average_log_prob=average)
    per_token = 1 / (2 * beta) / (1 if average else length)

    def slope(extra: float) -> float:
        chosen = view([-1.0 + per_token + extra] * length)
        values = objective(chosen=chosen, rejected=view([-1.0])).values
        if extra == 0.0:
            assert values.item() == pytest.approx(0.0, abs=1e-18)
        return torch.autograd.grad(values.sum(), chosen.policy)[0][0, 0].item()

    assert slope(0.0) == pytest.approx(0.0, abs=1e-9)
    assert slope(-0.1) < 0 < slope(0.1)


@given(LOGPS, LOGPS, BETAS)
def test_the_gradient_of_a_token_is_twice_the_gap_over_the_length_where_averaged(
    chosen: list[float], rejected: list[float], beta: float
) -> None:
    for average in (True, False):
        first, second = view(chosen), view(rejected)
        objective = build("ipo", beta=beta, average_log_prob=average)
        values = objective(chosen=first, rejected=second).values
        up, down = torch.autograd.grad(values.sum(), [first.policy, second.policy])
        ratios = [each.mean_logratio if average else each.logratio for each in (first, second)]
        twice_gap = 2 * ((ratios[0] - ratios[1]).item() - 1 / (2 * beta))
        shares = (1 / len(chosen), 1 / len(rejected)) if average else (1.0, 1.0)
        assert up[0].tolist() == pytest.approx([twice_gap * shares[0]] * len(chosen), rel=1e-9, abs=1e-12)
        assert down[0].tolist() == pytest.approx([-twice_gap * shares[1]] * len(rejected), rel=1e-9, abs=1e-12)


@given(LOGPS, LOGPS)
def test_one_token_each_makes_both_averagings_the_same(chosen: list[float], rejected: list[float]) -> None:
    both = [
        build("ipo", average_log_prob=average)(chosen=view(chosen[:1]), rejected=view(rejected[:1])).values.item()
        for average in (True, False)
    ]
    assert both[0] == pytest.approx(both[1], rel=1e-12)


def test_rewards_are_beta_times_the_summed_log_ratio_in_both_averagings() -> None:
    for average in (True, False):
        rewards = build("ipo", beta=0.5, average_log_prob=average).rewards(view([-2.0, -3.0]))
        assert rewards is not None and rewards.tolist() == [-1.5]
