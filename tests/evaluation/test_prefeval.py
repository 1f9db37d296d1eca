"""PrefEval: the errors exclude each other, add up with the accuracy, and follow the published logic table."""

from __future__ import annotations

from itertools import product

import pytest

from penchant.errors import DataError
from penchant.evaluation.prefeval import ERRORS, Checks, choice_accuracy, error_of, rates

ALL = [Checks(*each) for each in product((False, True), repeat=4)]


@pytest.mark.parametrize("checks", ALL)
def test_each_error_is_its_formula_and_no_two_hold(checks: Checks) -> None:
    a, h, v, u = checks.acknowledges, checks.hallucinated, checks.violates, not checks.helpful
    formulas = (not a and v and not u, a and h and v and not u, a and not h and v and not u, u)
    assert sum(formulas) <= 1
    assert error_of(checks) == (ERRORS[formulas.index(True)] if any(formulas) else None)


def test_rates_add_up_and_a_refusing_model_has_none_right() -> None:
    assert sum(each.value for each in rates(ALL).values()) == pytest.approx(1.0)
    refused = rates([Checks(False, False, False, False)] * 9)
    assert refused["accuracy"].value == 0.0 and refused["unhelpful"].value == 1.0


def test_an_answer_without_a_choice_is_wrong() -> None:
    assert choice_accuracy(["A", None, "C", "D"], ["A", "B", "C", "A"]).value == 0.5


def test_bad_input_is_an_error() -> None:
    with pytest.raises(DataError, match="no checked answers"):
        rates([])
    with pytest.raises(DataError, match="1 choices for 2 questions"):
        choice_accuracy(["A"], ["A", "B"])
    with pytest.raises(DataError, match="'E' is not an option"):
        choice_accuracy(["E"], ["A"])
