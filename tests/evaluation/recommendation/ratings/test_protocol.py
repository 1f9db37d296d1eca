"""Rating prediction: split by time, prompts, parsing, errors, and predictors without a language model."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import ConfigurationError, DataError
from penchant.evaluation.recommendation.ratings.baselines import (
    global_mean,
    item_mean,
    matrix_factorisation,
    user_mean,
)
from penchant.evaluation.recommendation.ratings.protocol import (
    Rated,
    Split,
    Task,
    parse_rating,
    prompt_of,
    rating_metrics,
    split_by_time,
)

RATINGS = st.lists(st.integers(1, 5).map(float), min_size=1, max_size=30)


def made(users: int = 6, each: int = 8) -> list[Rated]:
    """Users with an odd number like odd items, the others even ones."""
    return [
        Rated(user, (user + 3 * step) % 12, f"item {(user + 3 * step) % 12}", 5.0 if (user + step) % 2 else 2.0, step)
        for user in range(users)
        for step in range(each)
    ]


def tasks_of(ratings: list[float]) -> list[Task]:
    return [Task((), Rated(0, place, "", value, place)) for place, value in enumerate(ratings)]


@given(st.permutations(made()), st.sampled_from([0.1, 0.3, 0.9]))
def test_nothing_later_than_a_task_is_known(ratings: list[Rated], test: float) -> None:
    split = split_by_time(ratings, test=test)
    for task in split.tasks:
        own = [each for each in split.train if each.user == task.target.user]
        assert own and all(each.time < task.target.time for each in own)
        assert sorted(task.history, key=lambda each: each.time) == list(task.history) == own
    assert sorted([*split.train, *(task.target for task in split.tasks)], key=str) == sorted(ratings, key=str)


def test_less_training_data_keeps_whole_users_and_all_tasks() -> None:
    split = split_by_time(made())
    part = split.part(0.5)
    assert part.tasks == split.tasks and {each.user for each in part.train} == {0, 1, 2}
    assert split.part(1.0) == split
    with pytest.raises(DataError, match="share of the training data is 0"):
        split.part(0.0)


def test_a_user_with_one_rating_cannot_be_split() -> None:
    with pytest.raises(DataError, match="User 7 has one rating"):
        split_by_time([*made(), Rated(7, 0, "", 3.0, 0)])
    with pytest.raises(DataError, match="share of the test is 1"):
        split_by_time(made(), test=1.0)


def test_a_prompt_shows_the_last_ratings_and_demonstrations_before_them() -> None:
    history = [(f"t{number}", float(number % 5 + 1)) for number in range(15)]
    text = prompt_of(history, "new", demonstrations=[([("a", 1.0)], "b", 2.5)])
    assert text.startswith("ratings from 1 to 5. a: 1, b: 2.5. t5: 1,") and text.endswith("t14: 5, new:")
    assert "t4" not in text


@pytest.mark.parametrize(
    ("text", "rating"),
    [
        (" 4", 4.0),
        ("4/5", 4.0),
        ("rating: 3.7 stars", 3.7),
        ("0", 1.0),
        ("99", 5.0),
        ("-3", 1.0),
        ("none", None),
        ("", None),
    ],
)
def test_the_first_number_counts_and_is_cut_to_the_range(text: str, rating: float | None) -> None:
    assert parse_rating(text) == rating


@given(RATINGS, st.floats(1, 5))
def test_a_constant_prediction_has_no_area_and_rmse_is_at_least_mae(ratings: list[float], guess: float) -> None:
    found = rating_metrics([guess] * len(ratings), tasks_of(ratings))
    assert found["AUC"] == 0.5 or math.isnan(found["AUC"])
    assert found["RMSE"] >= found["MAE"] - 1e-12


@given(RATINGS)
def test_a_perfect_prediction_has_no_error(ratings: list[float]) -> None:
    found = rating_metrics(ratings, tasks_of(ratings))
    assert found["RMSE"] == found["MAE"] == 0.0
    assert found["AUC"] == 1.0 or math.isnan(found["AUC"])


def test_predictions_and_tasks_belong_together() -> None:
    with pytest.raises(DataError, match="1 predictions of 2 ratings"):
        rating_metrics([1.0], tasks_of([1.0, 2.0]))


@pytest.mark.parametrize("predict", [global_mean, item_mean, user_mean, matrix_factorisation])
def test_no_baseline_sees_a_target_or_a_later_rating(predict: Callable[[Split], list[float]]) -> None:
    split = split_by_time(made())
    changed = Split(
        split.train,
        tuple(Task(task.history, replace(task.target, rating=6 - task.target.rating)) for task in split.tasks),
    )
    assert predict(split) == predict(changed)


def test_means_are_those_of_the_past() -> None:
    train = (Rated(0, 0, "", 2.0, 0), Rated(0, 1, "", 4.0, 1), Rated(1, 0, "", 5.0, 0))
    split = Split(train, (Task(train[:2], Rated(0, 2, "", 1.0, 2)), Task(train[2:], Rated(1, 1, "", 1.0, 2))))
    assert user_mean(split) == [3.0, 5.0]
    assert item_mean(split) == [pytest.approx(11 / 3), 4.0]  # nobody has rated item 2
    assert global_mean(split) == [pytest.approx(11 / 3)] * 2


def test_factorisation_finds_what_means_cannot() -> None:
    """Two camps with opposite tastes: every item and every user has the same mean."""
    rows = [
        Rated(user, item, f"item {item}", 5.0 if user % 2 == item % 2 else 1.0, (7 * item + user) % 16)
        for user in range(10)
        for item in range(16)
    ]
    split = split_by_time(rows)
    errors = {each.__name__: rating_metrics(each(split), split.tasks)["RMSE"] for each in (user_mean, item_mean)}
    assert rating_metrics(matrix_factorisation(split, factors=1), split.tasks)["RMSE"] < 0.5 * min(errors.values())
    with pytest.raises(ConfigurationError, match="0 factors"):
        matrix_factorisation(split, factors=0)
