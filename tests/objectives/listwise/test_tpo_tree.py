"""What the method sheet lists of Tree Preference Optimization."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from objectives.drawing import of_ratios, random_inputs
from penchant.objectives import Scored, build
from penchant.objectives.listwise.tpo_tree import TreePreference
from penchant.receipts.checking import check_case

WEIGHTS = ["one-plus-cos", "one-minus-cos", "uniform"]


def trajectories(ratios: list[list[float]], states: Any = None) -> Scored:
    """Trajectories of one prompt, of as many tokens as they have ratios."""
    longest = max(map(len, ratios))
    table = torch.tensor([row + [math.nan] * (longest - len(row)) for row in ratios], dtype=torch.float64)
    hidden = torch.ones(*table.shape, 2, dtype=torch.float64) if states is None else torch.tensor(states)
    group = torch.zeros(len(ratios), dtype=torch.long)
    return Scored(table, torch.zeros_like(table), ~table.isnan(), group=group, hidden=hidden)


def numbers(*rows: list[float]) -> torch.Tensor:
    longest = max(map(len, rows))
    return torch.tensor([row + [0.0] * (longest - len(row)) for row in rows])


def loss(responses: Scored, scores: list[float], steps: torch.Tensor, **hyper: Any) -> float:
    values = build("tpo-tree", **hyper)(responses=responses, scores=torch.tensor(scores), step_index=steps).values
    return float(values.detach())


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=4), st.lists(st.floats(-3, 3), min_size=1, max_size=4))
def test_two_trajectories_of_one_step_are_dpo_on_mean_log_ratios(first: list[float], second: list[float]) -> None:
    both, steps = trajectories([first, second]), numbers([1.0] * len(first), [1.0] * len(second))
    found = loss(both, [1.0, 0.0], steps, step_weights="uniform")
    means = [sum(row) / len(row) for row in (first, second)]
    dpo = build("dpo", beta=0.5)(chosen=of_ratios([means[0]]), rejected=of_ratios([means[1]])).values
    assert found == pytest.approx(dpo.item(), abs=1e-9)


@pytest.mark.parametrize("discount", ["none", "dcg"])
def test_equal_scores_contribute_nothing(discount: str) -> None:
    three, steps = trajectories([[1.0], [0.0], [-2.0]]), numbers([1.0], [1.0], [1.0])
    assert loss(three, [1.0, 1.0, 1.0], steps, discount=discount) == 0
    pair = loss(trajectories([[1.0], [-2.0]]), [1.0, 0.0], steps[:2], step_weights="uniform")
    other = loss(trajectories([[0.0], [-2.0]]), [1.0, 0.0], steps[:2], step_weights="uniform")
    assert loss(three, [1.0, 1.0, 0.0], steps, step_weights="uniform") == pytest.approx((pair + other) / 2)


def test_the_steps_of_the_best_trajectory_weigh_two() -> None:
    objective, inputs = TreePreference(), random_inputs(build("tpo-tree"), seed=3)
    responses, scores = inputs["responses"], inputs["scores"]
    steps = objective.steps(responses, inputs["step_index"])
    weights = objective.weights(steps, scores, responses.group)
    for place in range(responses.examples):
        rows = (responses.group == place).nonzero().flatten()
        best = rows[scores[rows].argmax()]
        assert weights[best][steps.present[best]].tolist() == pytest.approx([2.0] * int(steps.present[best].sum()))
        assert bool((weights[rows] <= 2 + 1e-9).all()) and bool((weights[~steps.present] == 0).all())


def test_steps_beyond_the_shortest_trajectory_are_merged_into_its_last() -> None:
    responses = trajectories([[1.0, 2.0, 6.0, 4.0], [1.0, 3.0]])
    steps = TreePreference().steps(responses, numbers([1.0, 2.0, 3.0, 4.0], [1.0, 2.0]))
    assert steps.ratio.tolist() == [[1.0, 4.0], [1.0, 3.0]]


def test_lists_do_not_merge_the_steps_of_other_lists() -> None:
    single, double = trajectories([[1.0], [2.0]]), trajectories([[1.0, 3.0], [2.0, 2.0]])
    apart = [loss(single, [1, 0], numbers([1.0], [1.0])), loss(double, [1, 0], numbers([1.0, 2.0], [1.0, 2.0]))]
    both = trajectories([[1.0], [2.0], [1.0, 3.0], [2.0, 2.0]])
    both = replace(both, group=torch.tensor([0, 0, 1, 1]))
    steps = numbers([1.0], [1.0], [1.0, 2.0], [1.0, 2.0])
    found = build("tpo-tree")(responses=both, scores=torch.tensor([1.0, 0.0, 1.0, 0.0]), step_index=steps).values
    assert found.tolist() == pytest.approx(apart)


@pytest.mark.parametrize("weights", WEIGHTS)
@given(shift=st.floats(-5, 5))
def test_a_constant_added_to_all_log_ratios_changes_nothing(weights: str, shift: float) -> None:
    ratios, steps = [[1.0, -1.0], [0.5, 2.0], [0.0, 0.3]], numbers([1.0, 2.0], [1.0, 2.0], [1.0, 1.0])
    states = [[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [0.2, 1.0]], [[-1.0, 0.1], [0.3, 0.4]]]
    moved = [[each + shift for each in row] for row in ratios]
    first, second = (
        loss(trajectories(each, states), [1.0, 0.0, 0.5], steps, step_weights=weights) for each in (ratios, moved)
    )
    assert first == pytest.approx(second, abs=1e-9)


def test_weights_that_are_all_zero_count_alike() -> None:
    # Under 1 − cos every step of the best trajectory weighs nothing.
    found = loss(trajectories([[1.0, 3.0], [0.0, 0.0]]), [1, 0], numbers([1, 2], [1, 2]), step_weights="one-minus-cos")
    assert found == pytest.approx(math.log1p(math.exp(-0.5 * 2.0)))


def test_lambda_is_the_change_of_the_dcg() -> None:
    three, steps = trajectories([[0.0], [2.0], [1.0]]), numbers([1.0], [1.0], [1.0])
    places, values = [3, 1, 2], [1.0, 0.0, -1.0]
    expected = 0.0
    for i, j in ((0, 1), (0, 2), (1, 2)):
        weight = abs(2 ** values[i] - 2 ** values[j]) * abs(1 / math.log2(1 + places[i]) - 1 / math.log2(1 + places[j]))
        ratios = [0.0, 2.0, 1.0]
        expected += weight * math.log1p(math.exp(-0.5 * (ratios[i] - ratios[j]))) / 3
    assert loss(three, values, steps, discount="dcg", step_weights="uniform") == pytest.approx(expected)


def test_weights_carry_no_gradient() -> None:
    responses = trajectories([[1.0, 2.0], [0.0, 1.0]], [[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [0.2, 1.0]]])
    responses.hidden.requires_grad_()
    responses.policy.requires_grad_()
    scores, steps = torch.tensor([1.0, 0.0]), numbers([1.0, 2.0], [1.0, 2.0])
    build("tpo-tree", discount="dcg")(responses=responses, scores=scores, step_index=steps).values.sum().backward()
    assert responses.hidden.grad is None and responses.policy.grad is not None


def test_the_pair_term_counts_equal_scores_as_the_published_code() -> None:
    inputs = {"scores": [[0.5, -0.2, 0.1]], "labels": [[1.0, 0.0, 0.0]]}
    terms = [math.log1p(math.exp(-0.7)), math.log1p(math.exp(-0.4))]
    total = (2 * sum(terms) + 5 * math.log(2)) / 6  # three with themselves, and the equal pair in both orders
    receipt = check_case(
        {"method": "tpo-tree", "case": "pair term", "params": {}, "inputs": inputs, "expected": {"loss": total}}
    )
    assert receipt.verdict in ("exact", "within"), receipt.detail
