"""Phase I: the convex program, its solver and the network that it gives."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.rewards.convex.operators import Gated, draw_gates
from penchant.rewards.convex.program import (
    largest_useful_penalty,
    network_of,
    objective_of,
    solve_program,
)


def problem(seed: int = 0, rows: int = 24, width: int = 4, gates: int = 6) -> tuple[Gated, Tensor]:
    draws = torch.Generator().manual_seed(seed)
    features = torch.randn(rows, width, generator=draws, dtype=torch.float64)
    labels = torch.where(torch.rand(rows, generator=draws) < 0.5, 1.0, -1.0).double()
    return Gated(features, draw_gates(features, gates, seed)), labels


@given(st.integers(0, 200))
def test_the_maps_are_adjoint(seed: int) -> None:
    gated, labels = problem(seed)
    draws = torch.Generator().manual_seed(seed)
    weights = torch.randn(gated.shape, generator=draws, dtype=torch.float64)
    slacks = torch.randn(gated.kept(weights).shape, generator=draws, dtype=torch.float64)
    assert float(gated.fitted(weights) @ labels) == pytest.approx(float((weights * gated.fitted_back(labels)).sum()))
    left = float((gated.kept(weights) * slacks).sum())
    assert left == pytest.approx(float((weights * gated.kept_back(slacks)).sum()))


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 100), st.sampled_from([0.1, 1.0, 5.0]))
def test_no_feasible_point_is_better_than_the_solution(seed: int, penalty: float) -> None:
    gated, labels = problem(seed)
    found = solve_program(gated, labels, penalty=penalty, iterations=800, tolerance=1e-9)
    near = 0.01 * found.objective  # ADMM is within a hundredth after so many steps
    assert found.objective <= 0.5 * float(labels.square().sum()) + 1e-6
    assert float(gated.kept(found.weights).min()) > -0.05
    draws = torch.Generator().manual_seed(seed)
    for scale in (1e-3, 1e-2, 0.1):
        other = found.weights + scale * torch.randn(gated.shape, generator=draws, dtype=torch.float64)
        if float(gated.kept(other).min()) >= 0:
            assert objective_of(gated, labels, other, penalty) >= found.objective - near
    for share in (0.0, 0.5, 0.9):  # shrinking keeps the constraints
        assert objective_of(gated, labels, share * found.weights, penalty) >= found.objective - near


def test_conjugate_gradients_and_the_factored_system_agree() -> None:
    gated, labels = problem(3)
    exact = solve_program(gated, labels, penalty=0.5, iterations=150, factored=True)
    near = solve_program(gated, labels, penalty=0.5, iterations=150, factored=False)
    assert near.objective == pytest.approx(exact.objective, rel=1e-3)
    torch.testing.assert_close(gated.fitted(near.weights), gated.fitted(exact.weights), atol=0.01, rtol=0)


def test_rho_does_not_change_the_solution() -> None:
    gated, labels = problem(4)
    found = [solve_program(gated, labels, penalty=0.5, rho=rho, iterations=1500).objective for rho in (0.05, 0.3)]
    assert found[0] == pytest.approx(found[1], rel=0.01)


def test_the_same_seed_gives_the_same_solution() -> None:
    gated, labels = problem(9)
    one, other = (solve_program(gated, labels, penalty=0.5, factored=False, seed=3).weights for _ in range(2))
    assert torch.equal(one, other)


@pytest.mark.parametrize("rho", [0.1, 1.0, 10.0])
def test_it_does_not_end_before_the_solution_whatever_rho(rho: float) -> None:
    gated, labels = problem(8, rows=10, width=3, gates=5)
    exact = solve_program(gated, labels, penalty=0.1, iterations=20_000, tolerance=1e-12).objective
    found = solve_program(gated, labels, penalty=0.1, rho=rho, iterations=100_000, tolerance=1e-6)
    assert found.objective == pytest.approx(exact, rel=1e-3)


def test_a_large_penalty_leaves_nothing() -> None:
    gated, labels = problem(5)
    bound = largest_useful_penalty(gated, labels)
    assert not solve_program(gated, labels, penalty=1.01 * bound, iterations=300).weights.any()
    assert solve_program(gated, labels, penalty=0.01 * bound, iterations=300).weights.any()


def test_the_network_computes_what_the_program_fits() -> None:
    gated, labels = problem(6)
    found = solve_program(gated, labels, penalty=0.3, iterations=2000, tolerance=1e-11)
    network = network_of(found.weights)
    torch.testing.assert_close(network.scores(gated.features), gated.fitted(found.weights), atol=0.01, rtol=0)
    norms = found.weights.norm(dim=-1)
    torch.testing.assert_close(network.first.norm(dim=0), norms[norms > 0].sqrt())


def test_gates_are_distinct_and_follow_from_the_seed() -> None:
    features = problem(7)[0].features
    gates = draw_gates(features, 50, 1)
    assert len({tuple(each) for each in gates.T.tolist()}) == gates.shape[1]
    assert torch.equal(gates, draw_gates(features, 50, 1))


@pytest.mark.parametrize("wrong", [{"penalty": 0.0}, {"rho": -1.0}, {"iterations": 0}])
def test_values_that_are_not_positive_are_refused(wrong: dict[str, float]) -> None:
    gated, labels = problem()
    with pytest.raises(ConfigurationError, match="expected more than 0"):
        solve_program(gated, labels, **wrong)  # type: ignore[arg-type]


def test_labels_that_do_not_match_the_features_are_refused() -> None:
    gated, labels = problem()
    with pytest.raises(ConfigurationError, match="24 rows of features"):
        solve_program(gated, labels[:-1])
