"""Objectives as text: built, told again by id and hyper-parameters, refused with the nearest right name."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.drawing import random_inputs
from penchant.errors import ConfigurationError
from penchant.objectives import Objective, TailWeighted, WeightedSum, build, evaluate, get, names, wrapper_names
from penchant.objectives.core.description import describe

PLAIN = st.sampled_from(["dpo", "ipo", "rdpo", "slic-hinge"])
WEIGHTS = st.sampled_from(["", "0.2*", "1*", "3*", "0.1234567890123*", "1e-07*", "-0.5*"])


def wrapped(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A sum of one to three terms, or a wrapper around one."""
    sums = st.lists(st.tuples(WEIGHTS, inside).map("".join), min_size=1, max_size=3).map("+".join)
    return st.tuples(st.sampled_from(wrapper_names()), sums).map(lambda pair: f"{pair[0]}({pair[1]})")


# Two smoothings within one another would both ask for the probability of the label, which is refused.
EXPRESSIONS = st.recursive(PLAIN, wrapped, max_leaves=5).filter(lambda text: text.count("smoothed(") < 2)
FEW = settings(max_examples=30)


def is_as(first: Objective, second: Objective, inputs: dict[str, Any]) -> bool:
    return torch.equal(first.compute(inputs).values, second.compute(inputs).values)


@FEW
@given(EXPRESSIONS, st.integers(0, 100))
def test_id_hyper_parameters_and_state_build_it_again(text: str, seed: int) -> None:
    objective = build(text)
    again = build(objective.id, **objective.hyper)
    again.load_state_dict(objective.state_dict())
    assert again.id == objective.id and again.hyper == objective.hyper and repr(again) == repr(objective)
    assert again.requirements == objective.requirements and again.batch_coupled == objective.batch_coupled
    assert is_as(again, objective, random_inputs(objective, seed))


@FEW
@given(EXPRESSIONS)
def test_spaces_mean_nothing(text: str) -> None:
    assert repr(build(text.replace("+", " + ").replace("(", "( ").replace("*", " * "))) == repr(build(text))


def test_a_plain_name_goes_to_the_part_that_has_it_and_a_shared_one_takes_its_part() -> None:
    objective = build("tail-weighted(rdpo)+0.2*nll", alpha=0.3, beta=0.5, average=False)
    assert isinstance(objective, WeightedSum) and objective.id == "tail-weighted(rdpo)+0.2*nll"
    assert objective.hyper["tail-weighted.alpha"] == 0.3 and objective.hyper["rdpo.beta"] == 0.5
    assert objective.hyper["nll.average"] is False
    twice = build("unbiased(smoothed(dpo))+dpo", **{"smoothed.label_smoothing": 0.3, "dpo#2.beta": 0.9})
    told = twice.hyper
    assert (told["smoothed.label_smoothing"], told["unbiased.label_smoothing"]) == (0.3, 0.1)
    assert (told["dpo.beta"], told["dpo#2.beta"]) == (0.1, 0.9)


def test_one_term_without_a_weight_is_no_sum() -> None:
    assert isinstance(build("tail-weighted(dpo)"), TailWeighted)
    assert isinstance(build("1*dpo"), WeightedSum) and build("1*dpo").id == "1*dpo"


@pytest.mark.parametrize(
    ("text", "hyper", "told"),
    [
        ("tail-weigted(dpo)", {}, "no wrapper 'tail-weigted'. Did you mean 'tail-weighted'"),
        ("tail-weighted(dpoo)", {}, "no objective 'dpoo'. Did you mean 'dpo'"),
        ("clipped(smooth(dpo))", {}, "Did you mean 'smoothed'"),
        ("dpo(nll)", {}, "'dpo' is a method, not a wrapper.*tail-weighted"),
        ("clipped", {}, r"'clipped' is a wrapper: it needs an objective inside. Write 'clipped\(dpo\)'"),
        ("dpo+clipped", {}, "'clipped' is a wrapper: it needs an objective inside"),
        ("clipped()", {}, r"'clipped\(\)' in .* is not a valid term"),
        ("clipped(dpo", {}, r"'clipped\(dpo' in .* is not a valid term"),
        ("clipped(dpo))", {}, "is not a valid term"),
        ("clipped(dpo)nll", {}, "is not a valid term"),
        ("clipped(dpo+)", {}, "'' in .* is not a valid term"),
        ("smoothed(unbiased(dpo))", {"label_smoothing": 0.2}, "'smoothed.label_smoothing' or 'unbiased.label_smooth"),
        ("tail-weighted(dpo)", {"alhpa": 0.2}, "no hyper-parameter 'alhpa'. Did you mean 'alpha'"),
        ("tail-weighted(dpo)", {"alpha": 2.0}, r"objective tail-weighted: 'alpha' is 2.0 .*in \[0, 1\]"),
        ("smoothed(nll)", {}, "'nll' reads chosen, expected 'chosen' and 'rejected'"),
    ],
)
def test_wrong_text_is_refused(text: str, hyper: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        build(text, **hyper)


def test_plain_numbers_are_evaluated_by_text_too() -> None:
    view = {"policy": [[-1.0]], "reference": [[-2.0]]}
    found = evaluate("clipped(dpo)", {"low": 1.0, "beta": 0.5}, {"chosen": view, "rejected": view})
    assert found["losses"] == [1.0] and found["clipped"] == [1.0]


def test_wrappers_are_no_methods_but_have_pages() -> None:
    assert not set(names()) & set(wrapper_names())
    assert {"averaged", "clipped", "smoothed", "tail-weighted", "unbiased", "weighted", "wpo-weighted"} <= set(
        wrapper_names()
    )
    page = describe(get("smoothed"))
    for told in (
        "`smoothed(dpo)`",
        "`label_smoothing`",
        "field `probability`: optional",
        "everything that the objective inside",
    ):
        assert told in page
    assert "reference model" not in page


def test_a_part_may_be_set_by_the_alias_that_it_is_written_with() -> None:
    objective = build("infonca+0.2*infonca", **{"infonca.beta": 0.3, "infonca#2.beta": 0.4})
    assert (objective.hyper["dpo.beta"], objective.hyper["dpo#2.beta"]) == (0.3, 0.4)
    with pytest.raises(ConfigurationError, match=r"'infonca\.betta'"):
        build("infonca+0.2*nll", **{"infonca.betta": 0.3})
