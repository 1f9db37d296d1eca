"""Regret matching: equilibria of matrix games and of small sequential games."""

from __future__ import annotations

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from penchant.errors import ConfigurationError
from penchant.objectives.functional.games.regret_matching import exploitability, regret_matching, solve_matrix
from penchant.objectives.functional.games.sequential_games import (
    Chance,
    Decision,
    End,
    Game,
    expected_gain,
    game_exploitability,
    solve_game,
)


def circle(actions: int) -> torch.Tensor:
    """The game in which each action beats the (n − 1) / 2 before it."""
    ahead = (torch.arange(actions).unsqueeze(1) - torch.arange(actions)) % actions
    return torch.where(ahead == 0, 0.0, torch.where(ahead <= actions // 2, 1.0, -1.0)).double()


def kuhn() -> Game:
    """Kuhn's poker: three cards, one bet; the first player loses 1/18 a hand."""
    deals: list[Game] = []
    for own in range(3):
        for other in (card for card in range(3) if card != own):
            one, two = (1.0, 2.0) if own > other else (-1.0, -2.0)
            answer = Decision(0, f"{own} checked", (End(-1.0), End(two)))
            checked = Decision(1, f"{other} after check", (End(one), answer))
            deals.append(Decision(0, f"{own}", (checked, Decision(1, f"{other} after bet", (End(1.0), End(two))))))
    return Chance((1 / 6,) * 6, tuple(deals))


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=6))
@example([1e-320])
@example([1.1125369292536007e-308])
def test_strategies_are_probabilities_and_ignore_the_scale(regrets: list[float]) -> None:
    strategy = regret_matching(torch.tensor(regrets, dtype=torch.float64))
    assert bool((strategy >= 0).all()) and float(strategy.sum()) == pytest.approx(1)
    torch.testing.assert_close(strategy, regret_matching(7 * torch.tensor(regrets, dtype=torch.float64)))


def test_strategies_of_regrets_at_the_ends_of_the_floats() -> None:
    found = regret_matching(torch.tensor([[1e308, 1e308, 0.0], [1e-310, 1e-310, -1.0]], dtype=torch.float64))
    torch.testing.assert_close(found, torch.tensor([[0.5, 0.5, 0.0]] * 2, dtype=torch.float64))


@pytest.mark.parametrize("actions", [3, 5])
def test_symmetric_games_are_solved_evenly(actions: int) -> None:
    # The second action weighs double at first, or the even start would be the answer.
    game = circle(actions)
    tilted = torch.zeros(actions + 1, actions + 1, dtype=torch.float64)
    tilted[:actions, :actions] = game
    tilted[:actions, actions], tilted[actions, :actions] = 1.0, -1.0  # an action that always loses
    found = solve_matrix(tilted)
    torch.testing.assert_close(found[:actions], torch.full((actions,), 1 / actions).double(), atol=5e-3, rtol=0)
    assert float(found[actions]) < 1e-3


@given(st.integers(0, 10_000), st.integers(2, 7))
def test_exploitability_falls_with_the_rounds(seed: int, actions: int) -> None:
    drawn = torch.randn(actions, actions, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    game = drawn - drawn.T
    largest = float(game.abs().max())
    last = float(exploitability(game, solve_matrix(game, 800)))
    assert -1e-12 <= last <= 0.05 * largest
    uniform = torch.full((actions,), 1 / actions, dtype=torch.float64)
    assert last <= float(exploitability(game, uniform)) + 1e-2 * largest


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ([[0.0, 1.0], [1.0, 0.0]], "Action 0 gains 1 against action 1"),
        ([[0.5, 0.0], [0.0, 0.0]], "Action 0 gains 0.5 against action 0"),
        ([[0.0, float("nan")], [0.0, 0.0]], "gains nan"),
        ([[0.0, 1.0, 0.0]], "shape"),
    ],
)
def test_a_game_without_symmetry_is_refused(table: list[list[float]], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        solve_matrix(torch.tensor(table))


def test_kuhns_poker_has_its_known_value() -> None:
    game = kuhn()
    early, late = solve_game(game, 10), solve_game(game, 150)
    assert expected_gain(game, late) == pytest.approx(-1 / 18, abs=2e-3)
    assert game_exploitability(game, late) < 2e-3 < game_exploitability(game, early)
    assert float(late["2 after bet"][1]) > 0.999, "the best card always calls"
    # The first player bluffs with the lowest card a third as often as it bets the highest.
    assert float(late["0"][1]) == pytest.approx(float(late["2"][1]) / 3, abs=0.03)


def test_a_matrix_game_as_a_tree_has_the_same_solution() -> None:
    payoff = circle(3)
    rows = tuple(Decision(1, "second", tuple(End(float(gain)) for gain in row)) for row in payoff)
    found = solve_game(Decision(0, "first", rows), 200)
    assert game_exploitability(Decision(0, "first", rows), found) < 0.02
    for each in found.values():
        torch.testing.assert_close(each, solve_matrix(payoff), atol=0.03, rtol=0)


def test_contradictory_trees_are_refused() -> None:
    one = Decision(0, "same", (End(1.0), End(0.0)))
    with pytest.raises(ConfigurationError, match="player 0 among 2"):
        solve_game(Decision(1, "other", (one, Decision(1, "same", (End(1.0), End(0.0))))))
    with pytest.raises(ConfigurationError, match="Nature draws 2 branches"):
        solve_game(Chance((0.7, 0.7), (End(1.0), End(0.0))))
