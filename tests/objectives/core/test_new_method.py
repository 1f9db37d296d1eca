"""A method that is defined here, outside the package, works by name everywhere: one class is all it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

import pytest
import torch
from annotated_types import Ge, Lt
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives import Needs, Objective, Scored, build, evaluate, get, names
from penchant.objectives.core import registry
from penchant.objectives.core.description import describe


class MovingHinge(Objective):
    """Hinge on the log-ratios with a margin from the record and a running mean.

    loss = max(0, margin + offset − λ (Δ_chosen − Δ_rejected))
    """

    id = "moving-hinge"
    paper = "arXiv:0000.00000"
    needs = Needs(reference=True)

    lambda_: Annotated[float, Ge(0), Lt(2), "weight of the difference"] = 1.0

    def __init__(self, **hyper: float) -> None:
        super().__init__(**hyper)
        self.register_buffer("mean", torch.zeros(()))
        self.offset = torch.nn.Parameter(torch.zeros(()))

    def loss(
        self, chosen: Scored, rejected: Scored, margin: Tensor, weight: Tensor | None = None
    ) -> tuple[Tensor, Mapping[str, Tensor]]:
        difference = chosen.logratio - rejected.logratio
        self.mean = difference.detach().mean()
        values = torch.relu(margin + self.offset - self.lambda_ * difference)
        return (values if weight is None else weight * values), {"difference": difference}


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    """Known in these tests only, so that the battery sees the package's own methods."""
    registry.register(MovingHinge)
    yield
    registry.OBJECTIVES.remove("moving-hinge")


registry.OBJECTIVES.remove("moving-hinge")

INPUTS = {
    "chosen": {"policy": [[-1.0, -1.0]], "reference": [[-2.0, -1.0]]},
    "rejected": {"policy": [[-1.0]], "reference": [[-1.5]]},
    "margins": [2.0],
}


def test_it_is_listed_built_and_evaluated_by_name() -> None:
    assert "moving-hinge" in names() and get("moving-hinge") is MovingHinge
    result = evaluate("moving-hinge", {"lambda": 0.5}, INPUTS)
    assert result["losses"] == [1.75] and result["difference"] == [0.5]
    assert result["grad"] == {"chosen.policy": [[-0.5, -0.5]], "rejected.policy": [[0.5]]}


def test_its_signature_is_the_contract() -> None:
    wanted = build("moving-hinge").requirements
    assert wanted.views == ("chosen", "rejected")
    assert wanted.fields == ("margin", "weight") and wanted.optional == {"weight"}
    with pytest.raises(ConfigurationError, match=r"field 'margin' is missing.*one per example"):
        evaluate("moving-hinge", {}, {name: INPUTS[name] for name in ("chosen", "rejected")})


def test_a_keyword_of_python_is_a_hyper_parameter_under_its_own_name() -> None:
    objective = build("moving-hinge", **{"lambda": 0.5})
    assert objective.hyper == {"lambda": 0.5}
    assert repr(objective) == "MovingHinge(lambda_=0.5)" and repr(build("moving-hinge", lambda_=0.5)) == repr(objective)
    with pytest.raises(ConfigurationError, match="given twice"):
        build("moving-hinge", **{"lambda": 0.5, "lambda_": 0.5})
    with pytest.raises(ConfigurationError, match=r"'lambda' is 2.0 .float., expected float in \[0, 2\)"):
        build("moving-hinge", **{"lambda": 2.0})


def test_state_and_trainable_parts_survive_saving_in_a_sum_too() -> None:
    for name in ("moving-hinge", "nll+0.5*moving-hinge"):
        first, second = build(name), build(name)
        for module in first.modules():
            if isinstance(module, MovingHinge):
                module.mean.fill_(3.0)
                torch.nn.init.constant_(module.offset, 0.25)
        assert len(first.state_dict()) == 2
        second.load_state_dict(first.state_dict())
        assert [each.tolist() for each in second.state_dict().values()] == [
            each.tolist() for each in first.state_dict().values()
        ]
        assert len(list(second.parameters())) == 1


def test_evaluating_an_instance_leaves_its_state_alone() -> None:
    objective = build("moving-hinge")
    evaluate(objective, None, INPUTS)
    assert objective.mean.item() == 0.0 and objective.mean.dtype == torch.float32


def test_its_page_tells_all_of_it() -> None:
    page = describe(MovingHinge)
    for told in (
        "max(0, margin",
        "`lambda`",
        "in [0, 2)",
        "weight of the difference",
        "`margin`",
        "`weight`: optional",
    ):
        assert told in page


def test_an_id_can_be_taken_only_once_and_must_be_well_formed() -> None:
    with pytest.raises(ConfigurationError, match=r"'dpo' is already taken by penchant\.objectives\.pairwise\.dpo\.DPO"):

        class Another(Objective):
            id = "dpo"

    with pytest.raises(ConfigurationError, match="not a valid name for an objective"):

        class Malformed(Objective):
            id = "Not_An_Id"


def test_a_hyper_parameter_without_meaning_or_default_is_refused_where_it_is_declared() -> None:
    with pytest.raises(ConfigurationError, match="'beta' has no description"):

        class Undocumented(Objective):
            id = "undocumented"
            beta: Annotated[float, Ge(0)] = 0.1

    with pytest.raises(ConfigurationError, match="'beta' has no default"):

        class WithoutDefault(Objective):
            id = "without-default"
            beta: Annotated[float, Ge(0), "meaning"]
