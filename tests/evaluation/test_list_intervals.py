"""Intervals of the metrics of lists."""

from __future__ import annotations

import random
from statistics import mean, stdev

import pytest

from penchant.evaluation.heldout import HeldOut
from penchant.evaluation.list_intervals import list_intervals
from penchant.training.outcome import _intervals


def drawn(rng: random.Random, lists: int) -> dict[str, list[float]]:
    """Lists that are right or wrong as a whole, so that 10 pairs say no more than one."""
    good, pairs = [rng.random() < 0.7 for _ in range(lists)], [float(rng.choice([3, 10])) for _ in range(lists)]
    right = [count * (0.9 if each else 0.2) for each, count in zip(good, pairs, strict=True)]
    return {"rewards/right": right, "rewards/pairs": pairs, "rewards/top1": [float(each) for each in good]}


def test_the_interval_of_the_accuracy_covers_lists_and_not_pairs() -> None:
    rng = random.Random(0)
    found = [list_intervals(drawn(rng, 40)) for _ in range(300)]
    truth = 0.7 * 0.9 + 0.3 * 0.2
    covered = mean(each["rewards/accuracy"].low <= truth <= each["rewards/accuracy"].high for each in found)
    assert 0.9 <= covered <= 0.98
    width = mean(each["rewards/accuracy"].high - each["rewards/accuracy"].value for each in found)
    assert width == pytest.approx(1.96 * stdev(each["rewards/accuracy"].value for each in found), rel=0.15)


def test_no_hit_at_all_is_not_certain_and_one_list_has_no_interval() -> None:
    assert list_intervals({"rewards/top1": [0.0] * 10})["rewards/top1"].high > 0.2
    assert list_intervals({"rewards/top1": [1.0], "rewards/right": [2.0], "rewards/pairs": [3.0]}) == {}


def test_a_run_on_lists_has_intervals_of_all_processes() -> None:
    parts = [HeldOut({"loss": 1.0}, lists={"rewards/ndcg": values}) for values in ([1.0, 0.5], [0.75])]
    low, high = _intervals(HeldOut.of(parts))["rewards/ndcg"]
    assert low < 0.75 < high <= 1
