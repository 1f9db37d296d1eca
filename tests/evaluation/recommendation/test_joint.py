"""Fairness and relevance at once: sparse sums equal dense tables; reference points and distances."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import ConfigurationError, DataError
from penchant.evaluation.recommendation.fairness import PATIENCE
from penchant.evaluation.recommendation.joint import distances_to_frontier, joint_metrics, reference_point

POINTS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=8)


@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(1, 4), st.integers(4, 9))
def test_measures_equal_their_definitions_over_whole_tables(seed: int, users: int, k: int, items: int) -> None:
    rng = np.random.default_rng(seed)
    lists = np.asarray([rng.choice(items, k, replace=False) + 1 for _ in range(users)])
    relevant = [set((rng.choice(items, rng.integers(0, 4), replace=False) + 1).tolist()) for _ in range(users)]
    exposure, inverse, attention, wanted, deserved = np.zeros((5, users, items))
    for user in range(users):
        for place, item in enumerate(lists[user], start=1):
            exposure[user, item - 1] = PATIENCE ** (place - 1)
            inverse[user, item - 1] = 1 / place
            attention[user, item - 1] = (k - place) / (k - 1) if k > 1 else 0.0
        number = len(relevant[user])
        for item in relevant[user]:
            wanted[user, item - 1] = 1
            deserved[user, item - 1] = (1 - PATIENCE**number) / ((1 - PATIENCE) * number)
    gain = wanted.T @ inverse
    found = joint_metrics(lists, relevant, items)
    assert found["II-F_ori"] == pytest.approx(((exposure - deserved) ** 2).mean())
    assert found["AI-F_ori"] == pytest.approx(((exposure - deserved).mean(axis=0) ** 2).mean())
    assert found["MME_ori"] == pytest.approx((gain.max(axis=1) - gain.diagonal()).sum() / (users * items))
    assert found["IAA_ori"] == pytest.approx(np.abs(attention - wanted).mean())


def test_no_relevant_items_leave_the_share_of_better_items_undefined() -> None:
    found = joint_metrics([[1, 2]], [set()], 3)
    assert math.isnan(found["IBO_our"]) and found["MME_ori"] == 0.0


def test_relevant_items_outside_of_the_catalogue_are_refused() -> None:
    with pytest.raises(DataError, match="User 2 has relevant item 9, expected numbers from 1 to 3"):
        joint_metrics([[1], [2]], [{1}, {2, 9}], 3)
    with pytest.raises(DataError, match="relevant items of 1 users and lists of 2"):
        joint_metrics([[1], [2]], [{1}], 3)


@given(POINTS)
def test_alpha_1_is_the_fairest_end(points: list[tuple[float, float]]) -> None:
    end = min(point[0] for point in points)
    last = [point for point in points if point[0] == end][-1]
    assert reference_point(points, alpha=1.0) in ([last] if len({p[0] for p in points}) < 2 else _ends(points, last))


def _ends(points: list[tuple[float, float]], last: tuple[float, float]) -> list[tuple[float, float]]:
    """The last point, or an earlier one at the same length to rounding: points too close to tell apart."""
    return [last, *(point for point in points if math.dist(point, last) < 1e-7)]


@given(POINTS, st.floats(0, 1))
def test_a_model_on_the_reference_point_scores_0(points: list[tuple[float, float]], alpha: float) -> None:
    goal = reference_point(points, alpha)
    assert goal in points
    assert distances_to_frontier([goal], points, alpha) == [0.0]


@given(POINTS, st.floats(0, 1), st.floats(0, 1))
def test_of_points_of_equal_relevance_the_last_counts(
    points: list[tuple[float, float]], alpha: float, worse: float
) -> None:
    """A frontier keeps its distances where earlier points of the same relevance are added."""
    repeated = [each for point in points for each in ((point[0], worse), point)]
    assert distances_to_frontier([(0.3, 0.2)], repeated, alpha) == distances_to_frontier([(0.3, 0.2)], points, alpha)


@pytest.mark.parametrize(("frontier", "alpha"), [([], 0.5), ([(1.0, 0.0)], -0.1), ([(1.0, 0.0)], 1.5)])
def test_there_is_no_reference_point_of_nothing(frontier: list[tuple[float, float]], alpha: float) -> None:
    with pytest.raises(ConfigurationError, match="no reference point"):
        reference_point(frontier, alpha)
