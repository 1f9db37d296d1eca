"""Objectives from classes and plain functions."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from penchant.errors import ConfigurationError
from penchant.objectives import DPO, Scored
from penchant.objectives.core.custom import objective_of
from penchant.objectives.core.objective import Needs


def sigmoid(chosen: Any, rejected: Any, beta: float = 0.1) -> Any:
    return -logsigmoid(beta * (chosen.logratio - rejected.logratio))


def scored(seed: int) -> Scored:
    made = torch.Generator().manual_seed(seed)
    logps, reference = (-torch.rand(3, 4, generator=made) for _ in range(2))
    return Scored(logps, reference, torch.ones(3, 4, dtype=torch.bool))


def test_a_function_is_the_objective_it_computes() -> None:
    views = {"chosen": scored(0), "rejected": scored(1)}
    made = objective_of(sigmoid, beta=0.3)
    torch.testing.assert_close(made(**views).values, DPO(beta=0.3)(**views).values)
    assert made.hyper == {"beta": 0.3} and repr(made) == "sigmoid(beta=0.3)" and made.id == "sigmoid"
    assert made.requirements.needs.reference and made.rewards(views["chosen"]) is not None
    assert (made + 0.2 * DPO()).requirements.views == ("chosen", "rejected"), "it adds up like any other"


@pytest.mark.parametrize(("returned", "named"), [(3.0, "float"), (None, "NoneType")])
def test_a_function_that_returns_no_tensor_is_refused(returned: Any, named: str) -> None:
    def own(chosen: Any, rejected: Any) -> Any:
        return returned

    with pytest.raises(ConfigurationError, match=f"returned {named}, expected a tensor with one loss per example"):
        objective_of(own)(chosen=scored(0), rejected=scored(1))


def test_fields_and_needs_of_a_function() -> None:
    def own(responses: list[Scored], margin: Tensor | None = None, average: bool = True) -> Any: ...

    own.needs = Needs()  # type: ignore[attr-defined]
    wanted = objective_of(own).requirements
    assert wanted.views == ("responses",) and wanted.several == {"responses"}
    assert wanted.fields == ("margin",) and wanted.optional == {"margin"} and not wanted.needs.reference
    assert objective_of(own).hyper == {"average": True}


def test_a_class_and_an_object() -> None:
    assert objective_of(DPO, beta=0.2).hyper["beta"] == 0.2
    given = DPO()
    assert objective_of(given) is given
    with pytest.raises(ConfigurationError, match="is built already, so beta cannot be set"):
        objective_of(given, beta=0.1)
    with pytest.raises(ConfigurationError, match="is a int, not an objective"):
        objective_of(3)
    with pytest.raises(ConfigurationError, match=r"no hyper-parameter 'betta'. Did you mean 'beta'"):
        objective_of(sigmoid, betta=0.1)
