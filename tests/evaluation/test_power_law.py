"""Power laws: exact ones are found, constants have exponent 0, and intervals hold the truth."""

from __future__ import annotations

import math
import random

import pytest

from penchant.errors import DataError
from penchant.evaluation.power_law import power_law


def test_an_exact_law_gives_its_exponent_and_scale() -> None:
    sizes = [10.0, 100.0, 1e4, 1e6]
    found = power_law(sizes, [(n / 50.0) ** -0.25 for n in sizes])
    assert found.exponent == pytest.approx(0.25) and found.scale == pytest.approx(50.0)
    assert found.fit == pytest.approx(1.0) and found.interval == pytest.approx((0.25, 0.25), abs=1e-6)
    assert found.loss(800.0) == pytest.approx(0.5)


def test_a_constant_loss_has_exponent_0() -> None:
    found = power_law([1.0, 10.0, 100.0], [0.69] * 3)
    assert found.exponent == 0.0 and math.isnan(found.fit) and math.isnan(found.scale)


def test_losses_that_hardly_change_have_a_law_without_a_scale() -> None:
    """A learning rate that is too small ended a study with an error of arithmetic, after all of its trainings."""
    up = power_law([6.0, 12.0, 24.0], [0.6931, 0.69311, 0.69312])
    assert up.exponent < 0 and up.scale == math.inf and up.loss(12.0) == pytest.approx(0.69311)
    down = power_law([6.0, 12.0, 24.0], [0.69312, 0.69311, 0.6931])
    assert down.exponent > 0 and down.scale == 0.0 and down.loss(48.0) == pytest.approx(0.69309, abs=1e-5)


def test_about_95_percent_of_the_intervals_hold_the_true_exponent() -> None:
    rng = random.Random(3)
    sizes = [2.0**n for n in range(8)]
    held = 0
    for _time in range(300):
        low, high = power_law(sizes, [n**-0.3 * math.exp(rng.gauss(0, 0.1)) for n in sizes]).interval
        held += low < 0.3 < high
    assert 0.91 <= held / 300 <= 0.985


def test_two_points_have_no_interval() -> None:
    assert power_law([1.0, 2.0], [1.0, 0.5]).interval == (-math.inf, math.inf)


@pytest.mark.parametrize(("sizes", "losses"), [([1.0, 1.0], [1.0, 2.0]), ([1.0, 2.0], [1.0]), ([1.0, 2.0], [0.0, 1.0])])
def test_what_has_no_law_is_refused(sizes: list[float], losses: list[float]) -> None:
    with pytest.raises(DataError, match="expected"):
        power_law(sizes, losses)
