"""rDPO and the hinge: the properties that their papers state."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import ConfigurationError
from penchant.objectives import Scored, build

MARGINS = st.floats(-30.0, 30.0)
RATES = st.floats(0.0, 0.45)


def view(ratio: float) -> Scored:
    """One response whose log-ratio is ``ratio``."""
    tokens = torch.tensor([[-40.0 + ratio]], dtype=torch.float64, requires_grad=True)
    return Scored(tokens, torch.full_like(tokens, -40.0), torch.ones_like(tokens) > 0)


def loss(name: str, margin: float, **hyper: float) -> float:
    return build(name, **hyper)(chosen=view(margin), rejected=view(0.0)).values.item()


@given(MARGINS, RATES)
def test_over_flipped_labels_the_mean_is_the_dpo_loss_of_the_true_label(margin: float, rate: float) -> None:
    right = loss("rdpo", margin, beta=0.3, label_smoothing=rate)
    wrong = loss("rdpo", -margin, beta=0.3, label_smoothing=rate)
    assert (1 - rate) * right + rate * wrong == pytest.approx(loss("dpo", margin, beta=0.3), abs=1e-9)


@given(MARGINS)
def test_without_noise_it_is_dpo(margin: float) -> None:
    assert loss("rdpo", margin, label_smoothing=0.0) == pytest.approx(loss("dpo", margin), rel=1e-12)


@given(st.floats(-50.0, 1000.0), RATES)
def test_the_gradient_never_changes_sign_and_tends_to_its_limit(margin: float, rate: float) -> None:
    objective = build("rdpo", beta=1.0, label_smoothing=rate)
    chosen = view(margin)
    slope = torch.autograd.grad(objective(chosen=chosen, rejected=view(0.0)).values.sum(), chosen.policy)[0].item()
    assert slope <= 0
    if margin > 50:
        assert slope == pytest.approx(-rate / (1 - 2 * rate), abs=1e-9)


def test_a_rate_of_one_half_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="label_smoothing"):
        build("rdpo", label_smoothing=0.5)


@given(MARGINS)
def test_the_hinge_pushes_with_the_same_force_until_the_margin_is_reached(margin: float) -> None:
    chosen = view(margin)
    values = build("slic-hinge", beta=0.1)(chosen=chosen, rejected=view(0.0)).values
    slope = torch.autograd.grad(values.sum(), chosen.policy)[0].item()
    assert values.item() == pytest.approx(max(0.0, 1 - 0.1 * margin), abs=1e-12)
    if not math.isclose(margin, 10.0):
        assert slope == (-0.1 if margin < 10 else 0.0)
