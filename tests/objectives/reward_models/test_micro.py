"""MiCRo: one head is Bradley-Terry; the mixture finds opposite tastes; the router follows Hedge with still heads."""

from __future__ import annotations

import pytest
import torch

from objectives.reward_models.test_pal import fit, view
from penchant.objectives import Scored, build
from penchant.objectives.functional.preference_mixtures import hedged_weights, preference_probability


def by_prompt(pairs: int, seed: int) -> dict[str, Scored]:
    """Pairs whose order depends on the sign of the prompt's second number."""
    generator = torch.Generator().manual_seed(seed)
    ends = torch.randn(pairs, 2, 2, 4, generator=generator)
    ends[:, 1, 0] = ends[:, 0, 0]
    better = ends[:, :, 1, 0] * ends[:, :1, 0, 1].sign()
    place = better.argmax(dim=1)
    rows = torch.arange(pairs)
    return {"chosen": view(ends[rows, place]), "rejected": view(ends[rows, 1 - place])}


def test_one_head_is_bradley_terry() -> None:
    objective, inputs = build("micro", heads=1), by_prompt(6, seed=0)
    objective.bind(4)
    margin = objective.reward_head(inputs["chosen"].end_state) - objective.reward_head(inputs["rejected"].end_state)
    torch.testing.assert_close(objective(**inputs).values, -torch.nn.functional.logsigmoid(margin[:, 0]))


def test_the_mixture_orders_pairs_that_one_head_cannot() -> None:
    train, other = by_prompt(200, seed=1), by_prompt(200, seed=2)
    reached = {}
    for heads in (1, 2):
        objective = build("micro", heads=heads, alpha=0.0, router_width=32)
        fit(objective, train)
        reached[heads] = objective(**other).statistics["reward_accuracy"].mean().item()
    assert reached[1] < 0.7 and reached[2] > 0.85


def test_the_second_stage_moves_the_router_alone_towards_the_right_head() -> None:
    objective = build("micro", heads=2, route=True, router_width=16)
    objective.bind(4)
    objective.reward_head.weight.data = torch.tensor([[3.0, 0, 0, 0], [-3.0, 0, 0, 0]])
    before = objective.reward_head.weight.clone()
    fit(objective, by_prompt(50, seed=3))
    assert torch.equal(objective.reward_head.weight, before)
    found = objective(**by_prompt(200, seed=4)).statistics
    assert found["reward_accuracy"].mean() > 0.85


@pytest.mark.parametrize(("tau", "expected"), [(1e9, [0.5, 0.5]), (1e-3, [1.0, 0.0]), (1.0, [0.6, 0.4])])
def test_hedge_has_the_limits_of_its_temperature(tau: float, expected: list[float]) -> None:
    chances = torch.tensor([[0.75, 0.5]], dtype=torch.float64)
    even = torch.full((1, 2), 0.5, dtype=torch.float64).log()
    found = hedged_weights(even, -chances.log(), tau)
    torch.testing.assert_close(found, torch.tensor([expected], dtype=torch.float64), atol=1e-6, rtol=0)


def test_probabilities_of_both_orders_sum_to_one() -> None:
    torch.manual_seed(0)
    first, second, weights = torch.randn(5, 3), torch.randn(5, 3), torch.log_softmax(torch.randn(5, 3), -1)
    total = preference_probability(first, second, weights) + preference_probability(second, first, weights)
    torch.testing.assert_close(total, torch.ones(5))
