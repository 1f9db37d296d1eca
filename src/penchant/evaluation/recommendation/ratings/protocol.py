"""The protocol of rating prediction: ratings, their split by time, prompts, parsing, and errors."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from penchant.errors import DataError
from penchant.statistics import area_interval

__all__ = ["Rated", "Split", "Task", "parse_rating", "prompt_of", "rating_metrics", "split_by_time"]

#: Ratings of at least this are positive.
POSITIVE = 4.0
#: How many earlier ratings a prompt shows.
MEMORY = 10

_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?")


@dataclass(frozen=True)
class Rated:
    """A rating: user and item by number, the item's title, the rating, and when it was given."""

    user: int
    item: int
    title: str
    rating: float
    time: float


@dataclass(frozen=True)
class Task:
    """A rating to predict, with the earlier ratings of the same user, oldest first."""

    history: tuple[Rated, ...]
    target: Rated


@dataclass(frozen=True)
class Split:
    """Ratings to learn from, and tasks of later ratings by the same users.

    Args:
        train: for each user, ratings that are earlier than all of their tasks.
        tasks: for each task, the history is the user's part of ``train``.
    """

    train: tuple[Rated, ...]
    tasks: tuple[Task, ...]

    def part(self, share: float) -> Split:
        """The same tasks with the users of the first ``share`` of the training data, by user; histories stay.

        A user is kept whole or not at all, so that less data means fewer people to learn from, not shorter memories.

        Args:
            share: in (0, 1].

        Raises:
            DataError: the share is not in (0, 1].
        """
        if not 0 < share <= 1:
            raise DataError(f"The share of the training data is {share:g}, expected a number in (0, 1].")
        users = list(dict.fromkeys(each.user for each in self.train))
        kept = set(users[: max(1, round(share * len(users)))])
        return Split(tuple(each for each in self.train if each.user in kept), self.tasks)


def split_by_time(ratings: Iterable[Rated], *, test: float = 0.2) -> Split:
    """The last ratings of every user are the test; nothing later than a task is in its history or its user's training.

    Args:
        ratings: in any order; a user's ratings at the same time keep their order.
        test: share of each user's ratings in the test, at least one, in (0, 1).

    Raises:
        DataError: a user has one rating only, or the share is not in (0, 1).

    Example:
        >>> made = [Rated(0, item, f"title {item}", 3.0, item) for item in range(5)]
        >>> split = split_by_time(reversed(made))
        >>> [each.item for each in split.train], [task.target.item for task in split.tasks]
        ([0, 1, 2, 3], [4])
    """
    if not 0 < test < 1:
        raise DataError(f"The share of the test is {test:g}, expected a number between 0 and 1.")
    by_user: dict[int, list[Rated]] = {}
    for each in ratings:
        by_user.setdefault(each.user, []).append(each)
    train: list[Rated] = []
    tasks: list[Task] = []
    for user, given in sorted(by_user.items()):
        if len(given) < 2:
            raise DataError(
                f"User {user} has one rating, so nothing is left to predict it from.",
                fix="Leave out users with one rating.",
            )
        ordered = sorted(given, key=lambda each: each.time)
        cut = len(ordered) - min(len(ordered) - 1, max(1, round(test * len(ordered))))
        train += ordered[:cut]
        tasks += [Task(tuple(ordered[:cut]), each) for each in ordered[cut:]]
    return Split(tuple(train), tuple(tasks))


def prompt_of(
    history: Sequence[tuple[str, float]],
    title: str,
    demonstrations: Sequence[tuple[Sequence[tuple[str, float]], str, float]] = (),
) -> str:
    """The prompt that asks for a rating.

    Args:
        history: titles and ratings of the user, oldest first; the last `MEMORY` are shown.
        title: what is to be rated.
        demonstrations: the same of other users with their answers, for few-shot prompts.

    Example:
        >>> prompt_of([("silent dragon quest", 5.0)], "golden castle tale")
        'ratings from 1 to 5. silent dragon quest: 5, golden castle tale:'
    """
    shown = [f"{_asked(each, other)} {answer:g}." for each, other, answer in demonstrations]
    return " ".join(["ratings from 1 to 5.", *shown, _asked(history, title)])


def _asked(history: Sequence[tuple[str, float]], title: str) -> str:
    return " ".join([*(f"{each}: {rating:g}," for each, rating in history[-MEMORY:]), f"{title}:"])


def parse_rating(text: str, low: float = 1.0, high: float = 5.0) -> float | None:
    """The first number in a generated text, cut to the range of ratings; None if there is none.

    Args:
        text: what a model has written.
        low: the lowest rating.
        high: the highest.

    Example:
        >>> [parse_rating(text) for text in ("4", "I'd say 3.5 of 5", "3,5", "11", "-2", "great!")]
        [4.0, 3.5, 3.5, 5.0, 1.0, None]
    """
    found = _NUMBER.search(text)
    return min(high, max(low, float(found.group().replace(",", ".")))) if found else None


def rating_metrics(predicted: Sequence[float], tasks: Sequence[Task]) -> dict[str, float]:
    """Errors of predicted ratings.

    Args:
        predicted: a number per task.
        tasks: one or more.

    Returns:
        ``RMSE`` and ``MAE`` in points of the rating (lower is better, MAE ≤ RMSE), and ``AUC``: how often a rating of 4
        or more is predicted higher than a lower one, ties counting half (0.5 is chance; NaN where one kind is missing).

    Raises:
        DataError: there is no task, or not one prediction per task.

    Example:
        >>> task = Task((), Rated(0, 0, "", 4.0, 0)), Task((), Rated(0, 1, "", 2.0, 1))
        >>> rating_metrics([3.0, 3.0], task)
        {'RMSE': 1.0, 'MAE': 1.0, 'AUC': 0.5}
    """
    if not tasks or len(predicted) != len(tasks):
        raise DataError(f"There are {len(predicted)} predictions of {len(tasks)} ratings, expected one each.")
    gaps = [guess - task.target.rating for guess, task in zip(predicted, tasks, strict=True)]
    kinds: dict[bool, list[float]] = {True: [], False: []}
    for guess, task in zip(predicted, tasks, strict=True):
        kinds[task.target.rating >= POSITIVE].append(guess)
    both = all(kinds.values())
    return {
        "RMSE": math.sqrt(fmean(gap**2 for gap in gaps)),
        "MAE": fmean(abs(gap) for gap in gaps),
        "AUC": area_interval(kinds[True], kinds[False]).value if both else math.nan,
    }
