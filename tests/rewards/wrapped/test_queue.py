"""The queue judge: win rates against the last responses to a prompt."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.errors import ConfigurationError
from penchant.rewards import FunctionJudge, build_judge
from penchant.rewards.preferences import PreferenceFunction
from penchant.rewards.wrapped.queue import QueueJudge

SIGNS = ["rock", "paper", "scissors"]


def cyclic(prompt: object, first: str, second: str) -> float:
    """Each sign beats the one before it."""
    gap = (SIGNS.index(first) - SIGNS.index(second)) % 3
    return {0: 0.5, 1: 1.0, 2: 0.0}[gap]


class Game(PreferenceFunction):
    """The cyclic game, without a file."""

    def __init__(self) -> None:
        self.prefers, self.asked = cyclic, 0

    def _asked(self, prompt: object, first: str, second: str) -> float:  # type: ignore[override]
        self.asked += 1
        return super()._asked(prompt, first, second)  # type: ignore[arg-type]


def length(prompt: object, response: str) -> float:
    return float(len(response))


def test_the_queue_holds_the_last_responses_of_each_prompt_and_nothing_before_its_round_is_judged() -> None:
    judge = QueueJudge(FunctionJudge(length), size=3)
    assert judge.score("p", ["a"]) == [0.5] and judge.score("p", ["a", "aa"]) == pytest.approx([0.384, 0.616], abs=1e-3)
    judge.remember("p", ["a", "aa"])
    judge.remember("p", ["aaa", "aaaa"])
    judge.remember("q", ["b"])
    assert list(judge.queues.values()) == [["aa", "aaa", "aaaa"], ["b"]]
    sigmoid = [1 / (1 + math.exp(-gap)) for gap in (1, 0, -1)]
    assert judge.score("p", ["aaa"]) == pytest.approx([sum(sigmoid) / 3])
    fresh = QueueJudge(FunctionJudge(length), size=3)
    fresh.load_state_dict(judge.state_dict())
    assert fresh.score("p", ["a", "aaaaa"]) == judge.score("p", ["a", "aaaaa"])
    fresh.load_state_dict({})
    assert fresh.score("p", ["a"]) == [0.5]


def test_a_queue_of_every_sign_makes_the_signs_of_a_cyclic_game_equal() -> None:
    game = Game()
    judge = QueueJudge(game, size=3)
    judge.remember("p", SIGNS)
    assert judge.score("p", SIGNS) == [0.5] * 3 and game.asked == 2 * 3 * 3, "each against the queue, in both orders"
    judge.remember("p", ["rock"] * 3)
    assert judge.score("p", SIGNS) == [0.5, 1.0, 0.0]


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=5), st.lists(st.floats(-3, 3), min_size=1, max_size=5))
def test_with_bradley_terry_preferences_it_orders_as_the_rewards_do(own: list[float], queue: list[float]) -> None:
    judge = QueueJudge(FunctionJudge(lambda prompt, response: float(response)), size=8)
    judge.remember("p", [str(each) for each in queue])
    rates = judge.score("p", [str(each) for each in own])
    assert all(0 <= rate <= 1 for rate in rates)
    assert [rate for _, rate in sorted(zip(own, rates, strict=True))] == sorted(rates)


def test_what_cannot_be_compared_is_left_out() -> None:
    judge = QueueJudge(FunctionJudge(lambda prompt, response: float(len(response)) if response else None), size=4)
    judge.remember("p", ["a", ""])
    one, none = judge.score("p", ["a", ""])
    assert one == 0.5 and math.isnan(none)


def test_held_out_responses_are_measured_by_the_inner_judge() -> None:
    judge = build_judge({"name": "queue", "inner": {"name": "verifier", "rule": "exact"}, "size": 2})
    assert judge is not None and judge.measuring.id == "verifier" and judge.measuring.settings["rule"] == "exact"
    assert judge.gives_scores and not judge.scores_alone
    with pytest.raises(ConfigurationError, match="'size' is 0"):
        build_judge({"name": "queue", "size": 0})
    with pytest.raises(ConfigurationError, match=r"judge.inner: .*never judges"):
        build_judge({"name": "queue", "inner": "none"})
