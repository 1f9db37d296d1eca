"""Where the likelihood goes, and the undesirable space."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from penchant.diagnostics.displacement import in_undesirable_space, three_d_properties, undesirable_space
from penchant.objectives import evaluate

NUMBERS = st.lists(st.floats(-30, 0), min_size=4, max_size=4)


@given(NUMBERS)
def test_in_the_undesirable_space_the_loss_has_fallen_though_the_rejected_response_is_likelier(
    row: list[float],
) -> None:
    chosen, rejected, ref_chosen, ref_rejected = row
    policy, reference = torch.tensor([chosen - rejected]), torch.tensor([ref_chosen - ref_rejected])
    views = {
        "chosen": {"policy": [[chosen]], "reference": [[ref_chosen]]},
        "rejected": {"policy": [[rejected]], "reference": [[ref_rejected]]},
    }
    fallen = evaluate("dpo", {"beta": 0.1}, views)["losses"][0] < math.log(2) - 1e-6
    if abs(float(policy - reference)) > 1e-4:
        assert bool(in_undesirable_space(policy, reference)) == (fallen and float(policy) < 0)


def test_before_training_no_pair_is_in_it() -> None:
    same = torch.tensor([-0.5, 0.5])
    assert undesirable_space(same, same, gamma=1.0) == {"share_undesirable": 0.0, "share_reference_below_gamma": 1.0}


def test_the_ratio_of_gradients_in_probabilities_is_the_ratio_of_probabilities() -> None:
    # The paper's claim behind the log-ratio, by finite differences of the DPO loss in probability space.
    chosen, rejected = 0.3, 0.02

    def loss(high: float, low: float) -> float:
        views = {
            "chosen": {"policy": [[math.log(high)]], "reference": [[-1.0]]},
            "rejected": {"policy": [[math.log(low)]], "reference": [[-1.0]]},
        }
        return evaluate("dpo", {"beta": 0.1}, views)["losses"][0]

    step = 1e-6
    by_chosen = (loss(chosen + step, rejected) - loss(chosen - step, rejected)) / (2 * step)
    by_rejected = (loss(chosen, rejected + step) - loss(chosen, rejected - step)) / (2 * step)
    found = three_d_properties(torch.tensor([math.log(chosen)]), torch.tensor([math.log(rejected)]), torch.zeros(1))
    assert -by_rejected / by_chosen == pytest.approx(math.exp(found["log_ratio"]), rel=1e-3)


def test_means_of_every_side_and_no_infinity_at_extremes() -> None:
    found = three_d_properties(
        torch.tensor([0.0]), torch.tensor([-1e4]), torch.tensor([-1.0]), torch.tensor([-2.0, -4.0])
    )
    assert found["logp_unseen"] == -3.0 and found["share_chosen_below_reference"] == 1.0
    assert all(math.isfinite(value) for value in found.values())
