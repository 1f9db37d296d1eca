"""Sums of objectives are objectives."""

from __future__ import annotations

import pytest
import torch

from objectives.drawing import random_inputs
from penchant.errors import ConfigurationError
from penchant.objectives import DPO, IPO, NLL, WeightedSum, build

INPUTS = random_inputs(DPO(), seed=0)


def test_the_loss_is_the_weighted_sum_and_its_parts_are_told() -> None:
    result = (DPO(beta=0.3) + 0.2 * NLL())(**INPUTS)
    dpo, nll = DPO(beta=0.3)(**INPUTS).values, NLL()(chosen=INPUTS["chosen"]).values
    torch.testing.assert_close(result.values, dpo + 0.2 * nll)
    torch.testing.assert_close(result.statistics["nll/loss"], nll.detach())
    assert set(result.statistics) == {"dpo/loss", "nll/loss"}
    assert not any(each.requires_grad for each in result.statistics.values())


def test_it_asks_for_what_its_parts_ask_for() -> None:
    both = NLL() + DPO()
    assert both.requirements.views == ("chosen", "rejected") and both.needs.reference
    assert not (NLL() + NLL(average=False)).needs.reference


def test_sums_are_flat_and_scaling_reaches_every_term() -> None:
    nested = 2 * (DPO() + 0.5 * (NLL() + 3 * IPO()))
    assert isinstance(nested, WeightedSum)
    assert nested.weights == [2.0, 1.0, 3.0] and nested.id == "2*dpo+nll+3*ipo"
    assert (DPO() * 0.5).id == "0.5*dpo"


def test_the_reward_is_that_of_the_first_part_that_has_one() -> None:
    view = INPUTS["chosen"]
    rewards = (NLL() + DPO(beta=0.7)).rewards(view)
    assert rewards is not None
    torch.testing.assert_close(rewards, DPO(beta=0.7).rewards(view))
    assert (NLL() + NLL()).rewards(view) is None


@pytest.mark.parametrize(
    "objective", [DPO(beta=0.3) + 0.2 * NLL(average=False), IPO(beta=0.5) + 1e-3 * IPO(beta=2.0), 3 * NLL()]
)
def test_id_and_hyper_parameters_build_it_again(objective: WeightedSum) -> None:
    again = build(objective.id, **objective.hyper)
    assert repr(again) == repr(objective) and again.hyper == objective.hyper
    torch.testing.assert_close(again.compute(INPUTS).values, objective.compute(INPUTS).values)


def test_a_plain_name_goes_to_the_part_that_has_it() -> None:
    assert build("dpo + 0.2 * nll", beta=0.5, average=False).hyper == {
        "dpo.beta": 0.5,
        "dpo.reference_free": False,
        "nll.average": False,
    }
    assert build("dpo+ipo", **{"dpo.beta": 0.5, "ipo.beta": 2}).hyper["ipo.beta"] == 2.0


@pytest.mark.parametrize(
    ("text", "hyper", "told"),
    [
        ("dpo+ipo", {"beta": 0.5}, "Several parts.*'dpo.beta' or 'ipo.beta'"),
        ("dpo+nll", {"bta": 0.5}, "no hyper-parameter 'bta'. Did you mean 'beta'"),
        ("dpo+nll", {"ipo.beta": 0.5}, "no hyper-parameter 'ipo.beta'"),
        ("dpo+nll", {"dpo.beta": -1}, "objective dpo: 'beta' is -1"),
        ("dpo+2*nl", {}, "Did you mean 'nll'"),
        ("dpo+", {}, "'' in 'dpo.' is not a valid term"),
        ("dpo-nll*2", {}, "is not a valid term"),
    ],
)
def test_wrong_sums_are_refused(text: str, hyper: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        build(text, **hyper)


def test_only_numbers_scale_and_only_objectives_add() -> None:
    with pytest.raises(ConfigurationError, match="only by a number"):
        DPO() * True
    with pytest.raises(ConfigurationError, match="cannot be added"):
        DPO() + 1.0
    with pytest.raises(ConfigurationError, match="finite"):
        float("nan") * DPO()
    with pytest.raises(ConfigurationError, match="at least one"):
        WeightedSum([])
