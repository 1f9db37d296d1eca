"""Length exploitation: a reward of length alone is found, one of quality is left, and the numbers are those by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from penchant.diagnostics.length import length_exploitation
from penchant.errors import DataError


def drawn(weight: float, count: int = 20_000) -> tuple[list[float], ...]:
    """Lengths and scores of a tuned and an initial model: the tuned one is longer, scores are weight × log length."""
    rng = np.random.default_rng(0)
    lengths, others = 60 * np.exp(0.4 * rng.standard_normal(count)), 40 * np.exp(0.4 * rng.standard_normal(count))
    noise = rng.standard_normal((2, count))
    return tuple(each.tolist() for each in (lengths, others, weight * np.log(lengths) + noise[0],
                                            weight * np.log(others) + noise[1]))  # fmt: skip


def test_a_gain_that_is_length_alone_vanishes_when_length_is_held_fixed() -> None:
    found = length_exploitation(*drawn(weight=3.0))
    assert found.wins.value > 0.65 and found.gain > 1
    assert found.controlled == pytest.approx(0.5, abs=0.03) and found.controlled_gain == pytest.approx(0.0, abs=0.06)
    assert found.matched is not None and found.matched.value == pytest.approx(0.5, abs=0.04)
    assert found.ratio == pytest.approx(1.5, abs=0.05) and found.correlation is not None and found.correlation > 0.5


def test_a_gain_in_quality_stays_when_length_is_held_fixed() -> None:
    lengths, others, scores, other = drawn(weight=0.0)
    found = length_exploitation(lengths, others, [each + 1 for each in scores], other)
    assert found.controlled == pytest.approx(found.wins.value, abs=0.02)
    assert found.controlled_gain == pytest.approx(1.0, abs=0.08) and abs(found.correlation or 0.0) < 0.05


def test_the_figures_by_hand() -> None:
    found = length_exploitation([10, 20, 11, 5], [10, 10, 10, 10], [1.0, 2.0, 0.0, 1.0], [0.0, 1.0, 1.0, 1.0])
    assert found.ratio == pytest.approx(46 / 40)
    assert (found.longer, found.longer_wins) == (pytest.approx(2 / 3), pytest.approx((1 + 0 + 0.5) / 3))
    assert found.wins.value == pytest.approx(2.5 / 4) and found.gain == pytest.approx(0.25)
    assert found.matched is not None and (found.matched.value, found.matched_pairs) == (0.5, 2)
    apart = np.log([1, 2, 1.1, 0.5])
    assert found.controlled_gain == pytest.approx(np.polyfit(apart, [1, 1, -1, 0], 1)[1])


def test_swapping_the_two_sides_mirrors_every_signed_figure() -> None:
    lengths, others, scores, other = drawn(weight=1.0, count=300)
    one, two = length_exploitation(lengths, others, scores, other), length_exploitation(others, lengths, other, scores)
    assert one.wins.value == pytest.approx(1 - two.wins.value) and one.gain == pytest.approx(-two.gain)
    assert one.controlled == pytest.approx(1 - two.controlled) and one.correlation == pytest.approx(two.correlation)
    assert one.longer_wins == pytest.approx(two.longer_wins)


def test_identical_outputs_have_ratio_one_and_no_side() -> None:
    found = length_exploitation([5, 7], [5, 7], [1.0, 2.0], [1.0, 2.0])
    assert (found.ratio, found.longer, found.longer_wins, found.correlation) == (1.0, None, None, None)
    assert found.wins.value == found.controlled == 0.5 and found.gain == found.controlled_gain == 0.0
    assert "length/longer_rewarded" not in found.figures()


@pytest.mark.parametrize("scores", [[math.nan], [1.0, 2.0]])
def test_what_cannot_be_compared_is_an_error(scores: list[float]) -> None:
    with pytest.raises(DataError, match=r"finite|needed"):
        length_exploitation([1], [1], scores, [0.0])
