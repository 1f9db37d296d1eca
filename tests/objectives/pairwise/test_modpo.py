"""MODPO: its limits, the margin that other objectives ask for, and what it refuses."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from objectives.drawing import of_ratios
from penchant.errors import ConfigurationError
from penchant.objectives import build

CHOSEN, REJECTED = of_ratios([0.5, -1.0, 2.0]), of_ratios([1.0, 0.0, -0.5])
HIGH, LOW = torch.tensor([[1.0], [0.5], [2.0]]), torch.tensor([[0.0], [0.25], [-1.0]])


def losses(
    weights: list[float], chosen: torch.Tensor | None = None, rejected: torch.Tensor | None = None
) -> torch.Tensor:
    objective = build("modpo", beta=0.3, weights=weights)
    rewards = {} if chosen is None else {"chosen_margin_rewards": chosen, "rejected_margin_rewards": rejected}
    return objective(chosen=CHOSEN, rejected=REJECTED, **rewards).values


def dpo(beta: float) -> torch.Tensor:
    return build("dpo", beta=beta)(chosen=CHOSEN, rejected=REJECTED).values


def test_without_other_objectives_it_is_dpo_and_reads_no_rewards() -> None:
    assert_close(losses([1.0, 0.0]), dpo(0.3))
    assert_close(losses([1.0]), dpo(0.3))
    assert set(build("modpo", weights=[1.0, 0.0]).requirements.optional) >= {"chosen_margin_rewards"}
    assert "chosen_margin_rewards" not in build("modpo", weights=[0.5, 0.5]).requirements.optional


def test_equal_margin_rewards_are_dpo_at_the_temperature_divided_by_the_first_weight() -> None:
    assert_close(losses([0.25, 0.75], HIGH, HIGH), dpo(0.3 / 0.25))
    assert_close(losses([0.25, 0.75], 0 * HIGH, 0 * LOW), dpo(0.3 / 0.25))


def test_a_chosen_response_that_the_others_like_too_has_the_larger_loss() -> None:
    assert (losses([0.5, 0.5], HIGH, LOW) > dpo(0.3 / 0.5)).all()


def test_weights_of_the_record_take_the_place_of_those_of_the_run() -> None:
    own = torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.25, 0.75]])
    rewards = {"chosen_margin_rewards": HIGH, "rejected_margin_rewards": LOW}
    found = build("modpo", beta=0.3)(chosen=CHOSEN, rejected=REJECTED, objective_weights=own, **rewards).values
    assert_close(found, torch.stack([losses(each, HIGH, LOW)[at] for at, each in enumerate(own.tolist())]))


def test_it_refuses_a_first_weight_of_zero_and_another_number_of_rewards() -> None:
    with pytest.raises(ConfigurationError, match=r"The first of the weights .* is 0, expected a number above 0"):
        build("modpo", weights=[0.0, 1.0])
    with pytest.raises(ConfigurationError, match="has 1 numbers in each record, but there are 2 weights"):
        losses([0.5, 0.25, 0.25], HIGH, LOW)
    with pytest.raises(ConfigurationError, match="'objective_weights' has 2 numbers, of which the first is at least 0"):
        rewards = {"chosen_margin_rewards": HIGH, "rejected_margin_rewards": LOW}
        own = torch.tensor([[0.0, 1.0]] * 3)
        build("modpo")(chosen=CHOSEN, rejected=REJECTED, objective_weights=own, **rewards)
