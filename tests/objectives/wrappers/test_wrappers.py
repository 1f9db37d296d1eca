"""Objectives around objectives."""

from __future__ import annotations

import pytest
import torch

from penchant.errors import ConfigurationError
from penchant.objectives import DPO, NLL, Clipped, Scored, Weighted


def view() -> Scored:
    tokens = torch.tensor([[-0.5], [-2.0], [-9.0]], requires_grad=True)
    return Scored(tokens, None, torch.ones(3, 1, dtype=torch.bool))


def test_clipped_losses_have_no_gradient_outside_the_bounds() -> None:
    chosen = view()
    result = Clipped(NLL(), low=1.0, high=5.0)(chosen=chosen)
    assert result.values.tolist() == [1.0, 2.0, 5.0] and result.statistics["clipped"].tolist() == [1.0, 0.0, 1.0]
    (gradient,) = torch.autograd.grad(result.values.sum(), chosen.policy)
    assert gradient.tolist() == [[0.0], [-1.0], [0.0]]


def test_bounds_are_optional_and_must_be_in_order() -> None:
    assert Clipped(NLL())(chosen=view()).values.tolist() == [0.5, 2.0, 9.0]
    assert Clipped(NLL(), low=1.0)(chosen=view()).values.tolist() == [1.0, 2.0, 9.0]
    with pytest.raises(ConfigurationError, match="expected low < high"):
        Clipped(NLL(), low=2.0, high=1.0)


def test_weighted_asks_for_the_field_too() -> None:
    objective = Weighted(DPO(), field="confidence")
    assert objective.requirements.fields == ("confidence",) and objective.needs.reference
    weights = torch.tensor([0.0, 1.0, 2.0])
    assert Weighted(NLL())(chosen=view(), weight=weights).values.tolist() == [0.0, 2.0, 18.0]
    with pytest.raises(ConfigurationError, match="without 'weight'"):
        Weighted(NLL())(chosen=view())


def test_wrappers_compose_and_keep_reward_and_hyper_parameters() -> None:
    objective = Weighted(Clipped(DPO(beta=0.5), high=4.0)) + 0.1 * NLL()
    assert objective.requirements.views == ("chosen", "rejected") and objective.requirements.fields == ("weight",)
    equal = Scored(torch.tensor([[-2.0]]), torch.tensor([[-1.0]]), torch.tensor([[True]]))
    assert objective.rewards(equal).tolist() == [-0.5]  # type: ignore[union-attr]
    assert Clipped(DPO(beta=0.5), high=4.0).hyper == {
        "clipped.low": None,
        "clipped.high": 4.0,
        "dpo.beta": 0.5,
        "dpo.reference_free": False,
    }
    assert repr(Clipped(NLL(), high=4.0)) == "Clipped(NLL(average=True), low=None, high=4.0)"
