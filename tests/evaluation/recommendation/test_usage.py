"""Coverage, novelty and popularity bias of recommended lists."""

from __future__ import annotations

import math

import pytest

from penchant.errors import ConfigurationError
from penchant.evaluation.recommendation.usage import usage_metrics

#: Four users; everybody took item 1, one took item 2.
PROFILES = [{1}, {1}, {1}, {1, 2}]


def test_what_everybody_knows_is_not_new_and_what_nobody_knows_is_as_new_as_can_be() -> None:
    assert usage_metrics([[1]], PROFILES, 10)["novelty"] == 0.0
    assert usage_metrics([[3]], PROFILES, 10)["novelty"] == pytest.approx(math.log2(5))


def test_coverage_counts_an_item_once() -> None:
    assert usage_metrics([[1, 2], [2, 1], [1, 3]], PROFILES, 10)["coverage"] == 0.3


def test_lists_as_popular_as_the_profiles_have_no_lift() -> None:
    own = usage_metrics([[1], [1], [1], [1], [2]], PROFILES, 10)
    assert own["lift"] == pytest.approx(0.0) and own["popularity"] == pytest.approx(0.85)
    assert usage_metrics([[1]], PROFILES, 10)["lift"] > 0 > usage_metrics([[2]], PROFILES, 10)["lift"]


def test_the_long_tail_is_what_is_not_among_the_most_popular() -> None:
    assert usage_metrics([[1, 2, 3, 4]], PROFILES, 10)["long_tail"] == 0.5  # a head of two items, 1 and 2
    assert usage_metrics([[1, 2, 3, 4]], PROFILES, 10, head=0.1)["long_tail"] == 0.75


def test_without_choices_there_is_nothing_to_compare_with() -> None:
    assert math.isnan(usage_metrics([[1]], [set()], 10)["lift"])
    with pytest.raises(ConfigurationError, match="0 profiles"):
        usage_metrics([[1]], [], 10)
    with pytest.raises(ConfigurationError, match="head is 1 of the catalogue"):
        usage_metrics([[1]], PROFILES, 10, head=1.0)
