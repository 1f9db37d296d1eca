"""Multi-label regression: missing ratings cost nothing, a one-hot weight is that rating, wrong numbers are refused."""

from __future__ import annotations

import pytest
import torch

from penchant.errors import ConfigurationError
from penchant.lab.worlds.tabular.heads import with_states
from penchant.objectives import build


def test_a_missing_rating_changes_neither_loss_nor_gradient() -> None:
    states = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    gradients = []
    for labels, ratings in ((2, [[1.0, 2.0]] * 3), (3, [[1.0, 2.0, float("nan")]] * 3)):
        torch.manual_seed(0)
        objective = build("multi-objective-reward-regression", labels=labels)
        objective.bind(4)
        objective.reward_head.weight.data[:2] = torch.arange(8.0).reshape(2, 4) / 8  # type: ignore[union-attr]
        values = objective(chosen=with_states(states), ratings=torch.tensor(ratings)).values
        values.mean().backward()
        gradients.append((values, objective.reward_head.weight.grad[:2]))  # type: ignore[union-attr, index]
        assert torch.isfinite(objective.reward_head.weight.grad).all()  # type: ignore[union-attr, arg-type]
    assert torch.equal(*(each[0] for each in gradients)) and torch.equal(*(each[1] for each in gradients))


def test_the_reward_is_the_weighted_sum_of_the_ratings() -> None:
    outputs = torch.tensor([[1.0, 5.0], [2.0, 4.0]])
    assert build("multi-label-reward").judged(outputs).tolist() == [3.0, 3.0]
    assert build("multi-label-reward", weights=[0.0, 1.0]).judged(outputs).tolist() == [5.0, 4.0]


def test_wrong_numbers_of_weights_and_ratings_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="1 weights for 2 labels"):
        build("multi-label-reward", weights=[1.0])
    objective = build("multi-label-reward")
    objective.bind(4)
    with pytest.raises(ConfigurationError, match=r"has 3 numbers, expected 2.*objective\.labels=3"):
        objective(chosen=with_states(torch.zeros(1, 4)), ratings=torch.zeros(1, 3))
