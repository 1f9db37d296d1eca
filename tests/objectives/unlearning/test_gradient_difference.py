"""Gradient difference: what its method sheet lists, and the inputs and results that published cases have."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from objectives.ratios import with_tokens
from penchant.objectives import build, evaluate
from penchant.receipts.checking import check_case

TOKENS = st.lists(st.lists(st.floats(-5.0, -0.01), min_size=1, max_size=5), min_size=1, max_size=4)


@given(TOKENS, st.sampled_from(["batch", "response"]))
def test_forgetting_what_is_retained_has_no_gradient(rows: list[list[float]], average: str) -> None:
    view = with_tokens(*rows)
    values = build("grad-diff", nll_average=average)(forget=view, retain=view).values
    assert values.tolist() == pytest.approx([0.0] * len(rows), abs=1e-12)
    (slope,) = torch.autograd.grad(values.sum(), [view.policy])
    assert torch.nan_to_num(slope).abs().max() < 1e-12


@given(TOKENS, TOKENS, st.floats(0.0, 2.0), st.floats(0.0, 2.0))
def test_the_loss_of_a_batch_is_the_difference_of_two_means_over_tokens(
    forget: list[list[float]], retain: list[list[float]], first: float, second: float
) -> None:
    count = min(len(forget), len(retain))
    forget, retain = forget[:count], retain[:count]
    hyper = {"forget_coeff": first, "retain_coeff": second}
    found = evaluate("grad-diff", hyper, {"forget": {"policy": forget}, "retain": {"policy": retain}})

    def mean(rows: list[list[float]]) -> float:
        return -sum(map(sum, rows)) / sum(map(len, rows))

    assert found["loss"] == pytest.approx(second * mean(retain) - first * mean(forget), rel=1e-6, abs=1e-6)
    for name, rows, weight in (("forget", forget, first), ("retain", retain, -second)):
        slope = weight / sum(map(len, rows))
        slopes = [each for row in found["grad"][f"{name}.policy"] for each in row]
        assert slopes == pytest.approx([slope] * sum(map(len, rows)), rel=1e-6)


def test_each_response_counts_the_same_where_it_stands_alone() -> None:
    forget, retain = with_tokens([-1.0, -3.0], [-4.0]), with_tokens([-1.0], [-2.0, -2.0])
    alone = build("grad-diff", nll_average="response")
    assert alone(forget=forget, retain=retain).values.tolist() == pytest.approx([-1.0, -2.0])
    assert not alone.batch_coupled and build("grad-diff").batch_coupled


def published(loss_type: str) -> dict[str, Any]:
    """A case of the form that the contract of the receipts gives, with the numbers worked out by hand."""
    return {
        "method": "grad-diff",
        "case": "two and one tokens",
        "params": {"beta": 0.1, "loss_type": loss_type, "forget_coeff": 1.0, "retain_coeff": 0.5, "kl_coeff": 1.0},
        "inputs": {
            "forget": {"policy": [[-1.0, -2.0], [-3.0]], "reference": [[-1.0, -1.0], [-1.0]]},
            "retain": {"policy": [[-4.0], [-1.0, -1.0, -2.0]], "reference": [[-1.0], [-1.0, -1.0, -1.0]]},
        },
        "expected": {
            "loss": 0.5 * 2.0 - 2.0,
            "grad": {
                "forget.policy": [[1 / 3, 1 / 3], [1 / 3]],
                "retain.policy": [[-0.125], [-0.125, -0.125, -0.125]],
            },
        },
    }


def test_the_inputs_and_results_of_published_cases_are_understood() -> None:
    assert check_case(published("grad_diff")).verdict in ("exact", "within")


def test_a_case_of_another_loss_of_the_same_code_fails_by_name() -> None:
    found = check_case(published("KL"))
    assert found.verdict == "failed" and "'KL', expected 'grad_diff'" in found.detail
