"""Triple preference optimization: the properties that its method sheet lists, and its data."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from objectives.ratios import with_tokens
from penchant.errors import DataError
from penchant.feedback import read
from penchant.feedback.views.view import view_texts
from penchant.objectives import build

ROWS = st.lists(st.lists(st.floats(-8.0, -0.01), min_size=1, max_size=4), min_size=2, max_size=2)
#: Each form, and the form of CPO that it is where the gold response is the chosen one.
FORMS = [
    ("tpo-triple", "cpo", {}),
    ("tpo-triple-hinge", "cpo-hinge", {}),
    ("tpo-triple-ipo", "cpo-ipo", {}),
    ("tpo-triple-l", "cpo-simpo", {"gamma": 0.5}),
]


@pytest.mark.parametrize(("triple", "pair", "more"), FORMS)
@pytest.mark.parametrize("average", ["batch", "response"])
@given(ROWS, ROWS)
def test_with_the_chosen_response_as_gold_it_is_cpo(
    triple: str, pair: str, more: dict[str, float], average: str, chosen: list[list[float]], rejected: list[list[float]]
) -> None:
    views = {"chosen": with_tokens(*chosen), "rejected": with_tokens(*rejected)}
    here = build(triple, beta=0.7, alpha=0.4, nll_average=average, **more)(**views, gold=views["chosen"])
    there = build(pair, beta=0.7, cpo_alpha=0.4, nll_average=average, **more)(**views)
    torch.testing.assert_close(here.values, there.values)


@pytest.mark.parametrize("triple", [form[0] for form in FORMS])
def test_the_gold_response_is_moved_by_its_likelihood_alone(triple: str) -> None:
    views = [with_tokens([-1.0, -2.0]), with_tokens([-3.0]), with_tokens([-0.5, -0.5])]
    names = ("chosen", "rejected", "gold")
    loss = build(triple, alpha=0.3)(**dict(zip(names, views, strict=True))).values.sum()
    slopes = torch.autograd.grad(loss, [view.policy for view in views], retain_graph=True)
    assert slopes[2].flatten().tolist() == pytest.approx([-0.15, -0.15])
    without = build(triple, alpha=0.0)(**dict(zip(names, views, strict=True))).values.sum()
    assert torch.allclose(torch.autograd.grad(without, views[0].policy)[0], slopes[0])


def test_a_gold_response_that_is_one_of_the_pair_is_an_error() -> None:
    pair = {"prompt": "2 + 2?", "chosen": "4", "rejected": "5"}
    (record,) = read([{**pair, "gold": "It is 4."}]).records
    assert view_texts("gold", record) == [("2 + 2?", "It is 4.")]
    for side, text in (("chosen", "4"), ("rejected", "5")):
        (record,) = read([{**pair, "gold": text}]).records
        with pytest.raises(DataError, match=f"The gold response is the {side} one"):
            view_texts("gold", record)
    (record,) = read([pair]).records
    with pytest.raises(DataError, match=r"needs the field 'gold'.*penchant data build triples"):
        view_texts("gold", record)
