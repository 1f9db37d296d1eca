"""Numbers for people: the text always stands for the number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.evaluation.report.quantities import number, quantity

SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def parsed(text: str) -> float:
    mantissa, _, power = text.replace("−", "-").replace(",", "").partition(" × 10")
    return float(mantissa) * 10.0 ** int(power.translate(SUPERSCRIPTS) or 0)


@given(st.floats(-1e15, 1e15).filter(lambda value: abs(value) > 1e-30 or value == 0))
def test_a_number_keeps_three_digits(value: float) -> None:
    assert parsed(number(value)) == pytest.approx(value, rel=5.1e-3)


@given(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))
def test_different_figures_never_look_the_same(before: float, after: float) -> None:
    shown = quantity("loss").show(before, after)
    if abs(before - after) > 1e-5:
        assert shown[0] != shown[1]
    for text, value in zip(shown, (before, after), strict=True):
        assert parsed(text) == pytest.approx(value, abs=5.1e-5 + 5.1e-3 * max(abs(before), abs(after)))


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_change_has_the_sign_of_the_difference(before: float, after: float) -> None:
    change = quantity("rewards/accuracy").change(before, after)
    if after - before > 1e-7:
        assert change.startswith("+")
    elif before - after > 1e-7:
        assert change.startswith("−")


@pytest.mark.parametrize(
    ("key", "before", "after", "word"),
    [
        ("loss", 0.7, 0.5, "better"),
        ("loss", 0.5, 0.7, "worse"),
        ("rewards/margin", 0.0, 1.0, "better"),
        ("rewards/margin", 1.0, 1.0, "same"),
        ("kl", 0.0, 5.0, ""),
        ("an_unknown_metric", 0.0, 5.0, ""),
    ],
)
def test_only_figures_with_a_direction_are_judged(key: str, before: float, after: float, word: str) -> None:
    assert quantity(key).judge(before, after) == word
