"""The judge of four classes: probabilities, exchange of the sides, limits, and a class that never occurs."""

from __future__ import annotations

import pytest
import torch

from objectives.reward_models.test_pal import view
from penchant.errors import ConfigurationError
from penchant.objectives import build
from penchant.objectives.functional.four_classes import class_log_probabilities, swapped_classes


@pytest.mark.parametrize("head", ["scores", "joint"])
def test_exchanging_the_sides_exchanges_left_and_right_and_probabilities_sum_to_one(head: str) -> None:
    torch.manual_seed(0)
    sides = [view(torch.randn(6, 2, 4)) for _side in range(2)]
    objective = build("four-class-preference", head=head)
    objective.bind(4)
    found, turned = objective.log_probabilities(*sides), objective.log_probabilities(*sides[::-1])
    torch.testing.assert_close(found, swapped_classes(turned))
    torch.testing.assert_close(found.exp().sum(-1), torch.ones(6))
    same = objective.log_probabilities(sides[0], sides[0])
    torch.testing.assert_close(same[:, 0], same[:, 1])


def test_without_a_threshold_there_is_no_tie_and_wins_are_bradley_terry() -> None:
    scores = torch.tensor([2.0]), torch.tensor([0.5])
    found = class_log_probabilities(*scores, 0.0, 0.0).exp()
    torch.testing.assert_close(found, torch.tensor([[torch.sigmoid(torch.tensor(1.5)), 1 - 0.8175745, 0.0, 0.0]]))


def test_logarithms_are_finite_for_scores_of_any_size() -> None:
    left = torch.tensor([1e4, -1e4], dtype=torch.float64, requires_grad=True)
    found = class_log_probabilities(left, -left, 1.0, 0.0)
    [gradient] = torch.autograd.grad(found.sum(), left)
    assert torch.isfinite(found).all() and torch.isfinite(gradient).all()


@pytest.mark.parametrize("head", ["scores", "joint"])
def test_it_learns_the_classes_of_good_and_bad_responses(head: str) -> None:
    generator = torch.Generator().manual_seed(1)
    quality = torch.randint(0, 2, (300, 2), generator=generator) * 2.0 - 1
    ends = torch.randn(300, 2, 2, 4, generator=generator) * 0.2
    ends[:, :, 1, 0] = quality
    table = {(1.0, -1.0): 0.0, (-1.0, 1.0): 1.0, (1.0, 1.0): 2.0, (-1.0, -1.0): 3.0}
    label = torch.tensor([table[tuple(row)] for row in quality.tolist()])
    objective = build("four-class-preference", head=head)
    objective.bind(4)
    # The scores are a linear map of states that have no constant.
    inputs = {"chosen": view(ends[:, 0]), "rejected": view(ends[:, 1]), "pair_class": label}
    optimizer = torch.optim.Adam(objective.parameters(), lr=0.05)
    for _step in range(200):
        optimizer.zero_grad()
        objective(**inputs).values.mean().backward()
        optimizer.step()
    assert objective(**inputs).statistics["class_accuracy"].mean() > 0.95


@pytest.mark.parametrize("head", ["scores", "joint"])
def test_a_class_that_never_occurs_leaves_everything_finite(head: str) -> None:
    torch.manual_seed(2)
    inputs = {"chosen": view(torch.randn(8, 2, 4)), "rejected": view(torch.randn(8, 2, 4))}
    objective = build("four-class-preference", head=head)
    objective.bind(4)
    optimizer = torch.optim.Adam(objective.parameters(), lr=0.5)
    for _step in range(100):
        optimizer.zero_grad()
        objective(**inputs, pair_class=torch.zeros(8)).values.mean().backward()
        optimizer.step()
    assert all(torch.isfinite(each).all() for each in objective.parameters())
    assert torch.isfinite(objective(**inputs, pair_class=torch.full((8,), 3.0)).values).all()


def test_a_class_that_does_not_exist_is_refused() -> None:
    objective = build("four-class-preference")
    objective.bind(4)
    inputs = {"chosen": view(torch.zeros(1, 2, 4)), "rejected": view(torch.zeros(1, 2, 4))}
    with pytest.raises(ConfigurationError, match="'pair_class' is 4, expected a whole number from 0 to 3"):
        objective(**inputs, pair_class=torch.tensor([4.0]))
