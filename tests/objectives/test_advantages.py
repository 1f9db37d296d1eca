"""Advantages of the best response alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from penchant.objectives.functional.advantages import best_advantages

REWARDS = st.lists(st.integers(-5, 5).map(float), min_size=2, max_size=6)


@given(REWARDS, st.floats(-3.0, 3.0))
def test_the_best_alone_gains_its_lead_whatever_is_added_to_all(rewards: list[float], shift: float) -> None:
    values, group = torch.tensor(rewards, dtype=torch.double), torch.zeros(len(rewards), dtype=torch.long)
    found = best_advantages(values + shift, group, scale="none")
    second, best = sorted(rewards)[-2:]
    assert found.sum().item() == pytest.approx(best - second, abs=1e-9)
    assert (found > 1e-9).sum() == (best > second) and (best == second or found.argmax() == values.argmax())


@given(REWARDS, st.floats(0.5, 4.0))
def test_a_factor_of_all_rewards_drops_out_of_the_quotient(rewards: list[float], factor: float) -> None:
    values, group = torch.tensor(rewards, dtype=torch.double), torch.zeros(len(rewards), dtype=torch.long)
    found, scaled = best_advantages(values, group), best_advantages(factor * values, group)
    torch.testing.assert_close(scaled, found, rtol=1e-4, atol=1e-6)


def test_prompts_are_apart_and_a_missing_reward_takes_no_part() -> None:
    rewards = torch.tensor([float("nan"), 1.0, 4.0, 7.0, 7.0, 2.0])
    group = torch.tensor([0, 0, 0, 1, 1, 2])
    assert best_advantages(rewards, group, scale="none").tolist() == [0.0, 0.0, 3.0, 0.0, 0.0, 0.0]
    spread = torch.tensor([1.0, 4.0, 7.0, 7.0, 2.0]).std().item()
    assert best_advantages(rewards, group, scale="batch", epsilon=0.5)[2].item() == pytest.approx(3 / (spread + 0.5))
    assert best_advantages(torch.tensor([]), torch.tensor([], dtype=torch.long)).shape == (0,)
