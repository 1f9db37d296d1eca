"""Agreement: known numbers, invariances, and what cannot be measured."""

from __future__ import annotations

import math
import random

import pytest

from penchant.errors import DataError
from penchant.evaluation.agreement.kappas import cohen_kappa, fleiss_kappa
from penchant.evaluation.agreement.krippendorff import LEVELS, krippendorff_alpha
from penchant.evaluation.agreement.measured import measure_agreement, read_ratings

# Krippendorff (2011): four observers, twelve units.
TABLE = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]
UNITS = [[value for value in item if value is not None] for item in zip(*TABLE, strict=True)]


@pytest.mark.parametrize(
    ("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_alpha_of_the_published_example(level: str, published: float) -> None:
    assert krippendorff_alpha(UNITS, level) == pytest.approx(published, abs=5e-4)


@pytest.mark.parametrize("level", LEVELS)
def test_full_agreement_is_one_and_single_ratings_change_nothing(level: str) -> None:
    assert krippendorff_alpha([[1, 1], [2, 2, 2], [4, 4]], level) == pytest.approx(1.0)
    assert krippendorff_alpha([*UNITS, [2]], level) == krippendorff_alpha(UNITS, level)


def test_alpha_does_not_change_with_names_or_units() -> None:
    named = [[f"label {9 - value}" for value in unit] for unit in UNITS]
    assert krippendorff_alpha(named) == pytest.approx(krippendorff_alpha(UNITS))
    scaled = [[3.0 * value - 7 for value in unit] for unit in UNITS]
    assert krippendorff_alpha(scaled, "interval") == pytest.approx(krippendorff_alpha(UNITS, "interval"))


def test_random_labels_agree_as_by_chance() -> None:
    rng = random.Random(0)
    units = [[rng.randint(0, 2) for _ in range(3)] for _ in range(2000)]
    assert abs(krippendorff_alpha(units)) < 0.03


@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
def test_cohen_kappa_equals_that_of_scikit_learn(weights: str | None) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = random.Random(1)
    first = [rng.randint(0, 3) for _ in range(50)]
    second = [each if rng.random() < 0.6 else rng.randint(0, 3) for each in first]
    assert cohen_kappa(first, second, weights) == pytest.approx(
        metrics.cohen_kappa_score(first, second, weights=weights)
    )


def test_two_raters_who_always_give_one_label_have_no_kappa() -> None:
    assert math.isnan(cohen_kappa(["a", "a"], ["a", "a"]))
    found, notes = measure_agreement({item: {"x": "a", "y": "a"} for item in range(4)}, rounds=5)
    assert found["agreement"].value == 1 and math.isnan(found["alpha"].value) and "not defined" in notes[0]


def test_a_label_that_nobody_uses_has_its_place_in_a_scale_that_is_given() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    first, second = [1, 2, 5, 5], [1, 2, 5, 2]
    for weights in ("linear", "quadratic"):
        expected = metrics.cohen_kappa_score(first, second, labels=[1, 2, 3, 4, 5], weights=weights)
        assert cohen_kappa(first, second, weights, [1, 2, 3, 4, 5]) == pytest.approx(expected)
        assert cohen_kappa(first, second, weights) != pytest.approx(expected)
    with pytest.raises(DataError, match="rating 5 is not in the scale"):
        cohen_kappa(first, second, "linear", [1, 2, 3])


def test_values_that_are_no_labels_are_left_out_or_named() -> None:
    rows = [{"item": item, "rater": rater, "value": item % 2} for item in range(4) for rater in "xy"]
    nan = [{"item": 9, "rater": rater, "value": math.nan} for rater in "xy"]
    assert read_ratings([*rows, *nan]) == read_ratings(rows)
    with pytest.raises(DataError, match=r"ratings:9: The rating is \[1\]"):
        read_ratings([*rows, {"item": 5, "rater": "x", "value": [1]}])
    mixed = [{"item": item, "rater": rater, "value": "a" if item else 1} for item in range(3) for rater in "xy"]
    with pytest.raises(DataError, match="numbers and others are texts"):
        measure_agreement(read_ratings(mixed))


def test_one_item_says_that_its_intervals_say_nothing() -> None:
    ratings = read_ratings([{"item": 1, "rater": rater, "value": value} for rater, value in (("x", 2), ("y", 3))])
    assert "say nothing" in measure_agreement(ratings, rounds=5)[1][0]


def test_fleiss_refuses_items_with_different_numbers_of_raters() -> None:
    with pytest.raises(DataError, match="Krippendorff"):
        fleiss_kappa([[2, 0], [1, 0]])


def test_a_file_without_two_ratings_of_an_item_is_refused() -> None:
    ratings = read_ratings([{"item": 1, "rater": "x", "value": 2}, {"item": 2, "rater": "y", "value": 2}])
    with pytest.raises(DataError, match="two raters"):
        measure_agreement(ratings)


def test_a_rater_of_one_item_is_named() -> None:
    rows = [{"item": item, "rater": rater, "value": item % 2} for item in range(4) for rater in ("x", "y")]
    _, notes = measure_agreement(read_ratings([*rows, {"item": 0, "rater": "z", "value": 1}]), rounds=5)
    assert any("z" in note for note in notes)
