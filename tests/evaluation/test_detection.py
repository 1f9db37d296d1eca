"""Detection: average precision as scikit-learn has it, and what is caught at rare false alarms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import DataError
from penchant.evaluation.detection import caught, precision_area, precision_area_interval

SCORES = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=20)


@given(SCORES, SCORES)
def test_the_area_is_that_of_scikit_learn(found: list[float], others: list[float]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    labels = [1] * len(found) + [0] * len(others)
    assert precision_area(found, others) == pytest.approx(metrics.average_precision_score(labels, [*found, *others]))
    assert precision_area([1.0] * len(found), [1.0] * len(others)) == pytest.approx(len(found) / len(labels))


@given(SCORES, SCORES, st.sampled_from([0.0, 0.01, 0.2, 0.5]))
def test_no_more_false_alarms_than_allowed(found: list[float], others: list[float], alarms: float) -> None:
    share = caught(found, others, alarms).value
    best = max(
        (sum(own > limit for own in found) / len(found)
         for limit in [*others, *found, min(found) - 1]
         if sum(own > limit for own in others) <= alarms * len(others) + 1e-9),
        default=0.0,
    )  # fmt: skip
    assert share == pytest.approx(best)


def test_the_interval_holds_the_value_and_sides_may_not_be_empty() -> None:
    between = precision_area_interval([3.0, 1.0, 2.0, 0.5], [2.0, 0.0, 1.5], resamples=50)
    assert between.low <= between.value <= between.high and between.high > between.low
    for call in (precision_area, caught):
        with pytest.raises(DataError, match="scores of both sides; there are 0 and 1"):
            call([], [1.0])
