"""GPO: the properties that its method sheet lists."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from objectives.ratios import with_ratios
from penchant.objectives import build

RATIOS = st.floats(-3.0, 3.0)
RATES = st.floats(0.0, 1.0)
BETAS = st.floats(0.05, 2.0)


def one(number: float) -> torch.Tensor:
    return torch.tensor([number], dtype=torch.float64)


@given(RATIOS, RATIOS, RATES, RATES, BETAS)
def test_with_a_win_rate_less_one_half_as_score_it_is_sppo(
    chosen: float, rejected: float, first: float, second: float, beta: float
) -> None:
    views = {"chosen": with_ratios([chosen]), "rejected": with_ratios([rejected])}
    rates = {"chosen_win_rate": one(first), "rejected_win_rate": one(second)}
    scores = {"chosen_score": one(first - 0.5), "rejected_score": one(second - 0.5)}
    found = [build("gpo", beta=beta)(**views, **scores), build("sppo", beta=beta)(**views, **rates)]
    assert float(found[0].values.detach()) == pytest.approx(float(found[1].values.detach()), rel=1e-9, abs=1e-15)


@given(st.floats(-3.0, 3.0), st.floats(-3.0, 3.0), BETAS)
def test_it_is_zero_where_log_ratios_are_scores_over_beta_and_pushes_towards_it(
    first: float, second: float, beta: float
) -> None:
    scores = {"chosen_score": one(first * beta), "rejected_score": one(second * beta)}
    there = build("gpo", beta=beta)(chosen=with_ratios([first]), rejected=with_ratios([second]), **scores)
    assert float(there.values.detach()) == pytest.approx(0.0, abs=1e-18)
    start = with_ratios([0.0]), with_ratios([0.0])
    values = build("gpo", beta=beta)(chosen=start[0], rejected=start[1], **scores).values
    up, down = torch.autograd.grad(values.sum(), [each.policy for each in start])
    assert float(up) == pytest.approx(-first) and float(down) == pytest.approx(-second)
