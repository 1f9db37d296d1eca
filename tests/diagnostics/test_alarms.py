"""Warnings come once, in words, when they should, and not otherwise."""

from __future__ import annotations

import pytest

from penchant.diagnostics import Alarms

HISTORIES = {
    "displacement": lambda step: {"rewards/chosen": -0.01 * step, "rewards/rejected": -0.02 * step},
    "saturation": lambda step: {"rewards/accuracy": 1.0, "rewards/margin": 5.0 + 0.1 * step},
    "divergence": lambda step: {"kl": 2.0 * 1.1**step},
}
WORDS = {
    "displacement": ["less likely than under the reference for 20 steps", "since both fall", "dpo+0.2*nll"],
    "saturation": ["saturated", "100% of the pairs", "stop earlier"],
    "divergence": ["very large", "nats per response", "smaller learning rate"],
}


def watched(history: object, steps: int = 60, split: str = "train") -> list[str]:
    said: list[str] = []
    alarms = Alarms(said.append)
    for step in range(1, steps + 1):
        alarms.watch(step, split, history(step))  # type: ignore[operator]
    return said


@pytest.mark.parametrize("name", HISTORIES)
def test_each_is_said_once_in_words(name: str) -> None:
    (said,) = watched(HISTORIES[name])
    assert all(word in said for word in WORDS[name])


@pytest.mark.parametrize("name", HISTORIES)
def test_a_few_steps_and_held_out_numbers_say_nothing(name: str) -> None:
    assert not watched(HISTORIES[name], steps=19)
    assert not watched(HISTORIES[name], split="eval")


HEALTHY = {
    "learning": lambda step: {
        "rewards/chosen": 0.02 * step,
        "rewards/rejected": -0.02 * step,
        "rewards/accuracy": min(0.5 + 0.01 * step, 0.8),
        "rewards/margin": 0.04 * step,
        "kl": 0.1 * step,
    },
    "a dip that recovers": lambda step: {"rewards/chosen": -0.5 + 0.01 * step, "rewards/rejected": -1.0},
    "sure but not far": lambda step: {"rewards/accuracy": 1.0, "rewards/margin": 1.0},
    "far from the start on": lambda step: {"kl": 60.0},
    "no reference": lambda step: {"loss": 1.0 / step},
}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_run_is_left_in_peace(name: str) -> None:
    assert watched(HEALTHY[name]) == []


@pytest.mark.parametrize(("start", "end", "count"), [(20, 40, 1), (20, 25, 0), (4, 8, 0), (40, 20, 0), (0, 30, 1)])
def test_longer_responses_are_noticed(start: float, end: float, count: int) -> None:
    said: list[str] = []
    alarms = Alarms(said.append)
    for step, length in ((0, start), (10, end), (20, end)):
        alarms.watch_samples(step, length)
    assert len(said) == count and all("get longer" in each for each in said)
