"""β-DPO: the running values, the draw, the dynamic β, and that all of it survives a checkpoint."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from objectives.drawing import of_ratios
from penchant.objectives import Losses, Objective, build

MARGINS = st.lists(st.floats(-20.0, 20.0), min_size=1, max_size=12)


def call(objective: Objective, margins: list[float] | torch.Tensor) -> Losses:
    result: Losses = objective(chosen=of_ratios(margins), rejected=of_ratios([0.0] * len(margins)))
    return result


def first(losses: Losses, name: str) -> float:
    return float(losses.statistics[name][0])


@given(MARGINS)
def test_without_slope_and_filter_it_is_dpo(margins: list[float]) -> None:
    plain = build("dpo")(chosen=of_ratios(margins), rejected=of_ratios([0.0] * len(margins))).values
    torch.testing.assert_close(call(build("beta-dpo", a=0.0, filter_ratio=0.0), margins).values, plain)


@given(MARGINS, st.floats(0.0, 0.99))
def test_exactly_the_share_is_kept_and_the_mean_is_that_of_the_kept(margins: list[float], ratio: float) -> None:
    found = call(build("beta-dpo", filter_ratio=ratio), margins)
    kept = found.statistics["kept"] > 0
    assert int(kept.sum()) == max(1, int(len(margins) * (1 - ratio)))
    assert (found.values[~kept] == 0).all()
    torch.testing.assert_close(found.values.mean(), found.statistics["pair_loss"][kept].mean())


@given(MARGINS, st.floats(0.0, 50.0))
def test_beta_follows_the_kept_margins_and_is_never_negative(margins: list[float], slope: float) -> None:
    objective = build("beta-dpo", a=slope, warm_up=False).double()
    found = call(objective, margins)
    kept = found.statistics["kept"] > 0
    lead = torch.tensor(margins, dtype=torch.float64)[kept].mean().item() - first(found, "gap_mean")
    assert first(found, "beta_used") == pytest.approx(max(1e-3, 0.1 * (1 + slope * lead)), rel=1e-9)
    # One pair and the first batch: its margin is the running mean, and β is as it was given.
    assert first(call(build("beta-dpo", a=slope).double(), margins[:1]), "beta_used") == pytest.approx(0.1)


def test_no_gradient_runs_through_beta() -> None:
    margins = torch.tensor([0.5, -1.0, 3.0, 2.0], dtype=torch.float64, requires_grad=True)
    found = call(build("beta-dpo", filter_ratio=0.0, warm_up=False), margins)
    (gradient,) = torch.autograd.grad(found.values.sum(), margins)
    beta = first(found, "beta_used")
    torch.testing.assert_close(gradient, -beta * torch.sigmoid(-beta * margins.detach()))


@given(st.lists(st.lists(st.floats(-20.0, 20.0), min_size=2, max_size=5), min_size=1, max_size=4), st.booleans())
def test_mean_and_deviation_run_over_batches(batches: list[list[float]], warm_up: bool) -> None:
    objective = build("beta-dpo", momentum=0.8, warm_up=warm_up).double()
    mean = deviation = 0.0
    for margins in ([0.0, 0.0], *batches):  # at the start the policy is the reference
        own = torch.tensor(margins, dtype=torch.float64)
        keep = 0.0 if warm_up and deviation < 1e-4 else 0.8
        mean = keep * mean + (1 - keep) * own.mean().item()
        deviation = keep * deviation + (1 - keep) * own.std().item()
        found = call(objective, margins)
        assert first(found, "gap_mean") == pytest.approx(mean, abs=1e-9)
        assert first(found, "gap_std") == pytest.approx(deviation, abs=1e-9)


def test_outside_training_nothing_changes_and_nothing_is_left_out() -> None:
    objective = build("beta-dpo")
    call(objective, [1.0, 2.0, 4.0])
    before = copy.deepcopy(objective.state_dict())
    found = call(objective.eval(), [0.0, 3.0, -2.0, 5.0, 9.0])
    assert found.statistics["kept"].tolist() == [1.0] * 5
    assert all(torch.equal(value, before[name]) for name, value in objective.state_dict().items())


def test_a_restored_objective_draws_the_same_pairs() -> None:
    margins = [0.1 * number for number in range(10)]
    objective = build("beta-dpo", filter_ratio=0.5)
    call(objective, margins)
    again = build("beta-dpo", filter_ratio=0.5)
    again.load_state_dict(copy.deepcopy(objective.state_dict()))
    draws = [[call(each, margins).statistics["kept"].tolist() for _ in range(5)] for each in (objective, again)]
    assert draws[0] == draws[1]
    assert len({tuple(draw) for draw in draws[0]}) > 1
    other = call(build("beta-dpo", filter_ratio=0.5, seed=1), margins).statistics["kept"].tolist()
    assert other != call(build("beta-dpo", filter_ratio=0.5), margins).statistics["kept"].tolist()


def test_pairs_are_drawn_without_replacement_by_their_weights() -> None:
    # Two of three are kept. Of weights p, a draw leaves out pair k with Σ_{i≠k} p_i p_j / (1 − p_i), j the third.
    objective = build("beta-dpo", filter_ratio=0.33, momentum=0.0, warm_up=False).double()
    margins, times = [-1.0, 0.0, 2.0], 800
    left_out = torch.zeros(3, dtype=torch.float64)
    for _ in range(times):
        found = call(objective, margins)
        left_out += 1 - found.statistics["kept"]
    share = (found.statistics["sampling_weight"] / found.statistics["sampling_weight"].sum()).tolist()
    for place in range(3):
        first_pick, second_pick = [other for other in range(3) if other != place]
        both = share[first_pick] * share[second_pick]
        expected = both / (1 - share[first_pick]) + both / (1 - share[second_pick])
        assert left_out[place].item() / times == pytest.approx(expected, abs=0.07)  # four deviations


def test_weights_too_small_for_a_number_still_keep_the_nearest() -> None:
    objective = build("beta-dpo", filter_ratio=0.5, warm_up=False)
    found = call(objective, [1000.0, 1000.1, 1000.2, 1001.0])
    assert (found.statistics["sampling_weight"] == 0).all()
    assert found.statistics["kept"].tolist() == [1.0, 1.0, 0.0, 0.0]
