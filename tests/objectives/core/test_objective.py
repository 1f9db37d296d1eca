"""The common call: inputs by name, one loss per example."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives import DPO, NLL, Objective, Scored, requirements

VIEW = Scored(torch.tensor([[-1.0], [-2.0]]), torch.tensor([[-1.0], [-1.0]]), torch.ones(2, 1, dtype=torch.bool))


class Reduced(Objective):
    """A wrong one: it reduces over the batch."""

    def loss(self, chosen: Scored) -> Tensor:
        return chosen.logp.mean()


def test_missing_and_unknown_inputs_are_named_with_those_it_takes() -> None:
    with pytest.raises(
        ConfigurationError, match="without 'rejected' and with 'prefered'; it takes 'chosen', 'rejected'"
    ):
        DPO()(chosen=VIEW, prefered=VIEW)


def test_compute_takes_what_it_asks_for_from_a_larger_set() -> None:
    values = NLL().compute({"chosen": VIEW, "rejected": VIEW, "margin": torch.zeros(2)}).values
    assert values.tolist() == [1.0, 2.0]


def test_a_loss_that_is_not_one_per_example_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="expected one per example"):
        Reduced()(chosen=VIEW)


def test_an_objective_without_a_loss_says_so() -> None:
    with pytest.raises(NotImplementedError, match="Objective does not implement `loss`"):
        Objective().loss()


def test_requirements_are_the_same_of_class_and_instance() -> None:
    assert requirements(DPO) == requirements(DPO()) == DPO().requirements


def test_rewards_are_none_where_there_is_no_reference() -> None:
    bare = Scored(VIEW.policy, None, VIEW.mask)
    assert NLL().rewards(VIEW) is None
    with pytest.raises(ConfigurationError, match="without one"):
        DPO().rewards(bare)
