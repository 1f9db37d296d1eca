"""Leaderboards: what ratings do not depend on, votes without finite ratings, ties, style and cycles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from penchant.errors import ConfigurationError, DataError
from penchant.evaluation.leaderboards.battles import grouped, read_battles
from penchant.evaluation.leaderboards.bradley_terry import Games, fit, loss_and_gradient
from penchant.evaluation.leaderboards.leaderboard import make_leaderboard
from penchant.objectives.functional.ties import davidson, outcome_loss, rao_kupper


def vote(first: str, second: str, winner: str = "model_a", **more: Any) -> dict[str, Any]:
    return {"model_a": first, "model_b": second, "winner": winner, **more}


def drawn(models: int, count: int, style: int = 0, seed: int = 0) -> Games:
    rng = np.random.default_rng(seed)
    first = rng.integers(models, size=count)
    second = (first + rng.integers(1, models, size=count)) % models
    outcome = rng.choice([0.0, 0.5, 1.0], size=count)
    return Games(first, second, outcome, np.ones(count), models, rng.normal(size=(count, style)))


def test_two_models_differ_by_the_logit_of_their_share() -> None:
    rows = make_leaderboard(read_battles([vote("a", "b")] * 3 + [vote("a", "b", "model_b")]), rounds=5).rows
    assert rows[0]["rating"] - rows[1]["rating"] == pytest.approx(400 * math.log10(3))


def test_exchanging_the_sides_changes_nothing() -> None:
    games = drawn(5, 300)
    other = Games(games.second, games.first, 1 - games.outcome, games.weight, 5, games.style)
    assert fit(games) == pytest.approx(fit(other), abs=1e-9)


def test_grouped_games_have_the_ratings_of_single_ones() -> None:
    games = drawn(4, 400)
    assert len(grouped(games).weight) <= 18 and fit(grouped(games)) == pytest.approx(fit(games), abs=1e-9)


def test_the_gradient_is_that_of_the_loss() -> None:
    games, at = drawn(3, 40, style=2), np.array([0.1, -0.3, 0.2, 0.4, -0.2])
    _, gradient = loss_and_gradient(at, games, ridge=0.5)
    for place in range(5):
        step = np.eye(5)[place] * 1e-6
        ends = [loss_and_gradient(at + sign * step, games, ridge=0.5)[0] for sign in (1, -1)]
        assert gradient[place] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5)


def test_style_of_zeros_changes_no_rating() -> None:
    games = drawn(4, 100, style=2)
    plain = Games(games.first, games.second, games.outcome, games.weight, 4, np.zeros((100, 0)))
    zeros = Games(games.first, games.second, games.outcome, games.weight, 4, np.zeros((100, 2)))
    assert fit(zeros, ridge=0.5)[:4] == pytest.approx(fit(plain, ridge=0.5))


def test_votes_that_follow_length_leave_equal_models_equal_under_style_control() -> None:
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(2000):
        length = (300 + 40 * rng.normal(), 200 + 40 * rng.normal())  # "long" is longer, and no better
        z = 6 * (length[0] - length[1]) / (sum(length) + 1)
        winner = "model_a" if rng.random() < 1 / (1 + math.exp(-z)) else "model_b"
        rows.append(vote("long", "short", winner, length_a=length[0], length_b=length[1]))
    # The sides are exchanged at random, so that the mean covariate is 0.
    flip = {"model_a": "model_b", "model_b": "model_a"}
    rows = [
        row
        if number % 2
        else vote("short", "long", flip[row["winner"]], length_a=row["length_b"], length_b=row["length_a"])
        for number, row in enumerate(rows)
    ]
    raw = {row["model"]: row["rating"] for row in make_leaderboard(read_battles(rows), rounds=0).rows}
    controlled = make_leaderboard(read_battles(rows, ["length"]), rounds=0)
    held = {row["model"]: row["rating"] for row in controlled.rows}
    assert raw["long"] - raw["short"] > 150 and abs(held["long"] - held["short"]) < 80
    assert controlled.style["length"] > 0


def test_cyclic_votes_are_rated_equal_and_named() -> None:
    rows = [vote("rock", "scissors"), vote("scissors", "paper"), vote("paper", "rock")]
    for method in ("bradley-terry", "elo"):
        found = make_leaderboard(read_battles(rows * 5), method=method, rounds=20)
        assert max(abs(row["rating"] - 1000) for row in found.rows) < 5
        assert any("1 of 1 triples" in note for note in found.notes)


def test_a_model_that_wins_everything_has_a_finite_rating_and_a_note() -> None:
    found = make_leaderboard(
        read_battles([vote("king", "a"), vote("king", "b"), vote("a", "b"), vote("b", "a")]), rounds=5
    )
    assert found.rows[0]["model"] == "king" and math.isfinite(found.rows[0]["rating"]) and "king" in found.notes[0]


def test_ties_only_rate_all_equal_and_dropped_ties_leave_nothing() -> None:
    battles = read_battles([vote("a", "b", "tie (bothbad)")] * 4)
    found = make_leaderboard(battles, rounds=5)
    assert [row["rating"] for row in found.rows] == [1000, 1000] and "ties" in found.notes[-1]
    with pytest.raises(ConfigurationError, match="All votes are ties"):
        make_leaderboard(battles, ties="drop")


def test_equal_battles_have_an_interval_of_no_width() -> None:
    [first, _] = make_leaderboard(read_battles([vote("a", "b", "tie")] * 9), rounds=20).rows
    assert first["low"] == first["high"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -5.0, "long", None])
def test_a_style_that_is_no_number_is_named_with_its_line(value: Any) -> None:
    rows = [vote("a", "b", length_a=1, length_b=2), vote("a", "b", length_a=value, length_b=2)]
    with pytest.raises(DataError, match=r"votes:2: The vote has no numbers length_a and length_b"):
        read_battles(rows, ["length"])


def test_a_model_of_one_vote_is_named() -> None:
    found = make_leaderboard(read_battles([vote("a", "b"), vote("b", "a"), vote("a", "new")]), rounds=5)
    assert any("one vote" in note and note.endswith("nothing: new.") for note in found.notes)


@pytest.mark.parametrize("wrong", [{"winner": "nobody"}, {"model_b": "a"}, {"model_b": None}])
def test_a_wrong_vote_is_named_with_its_line(wrong: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"votes\.jsonl:2"):
        read_battles([vote("a", "b"), vote("a", "b") | wrong], source="votes.jsonl")


@pytest.mark.parametrize("model", [rao_kupper, davidson])
def test_the_probabilities_of_the_outcomes_add_up_to_one(model: Any) -> None:
    found = model(torch.tensor([-2.0, 0.0, 1.5], dtype=torch.float64), 0.3)
    losses = [outcome_loss(found, torch.full((3,), outcome), eps=0.0) for outcome in (1.0, 0.5, 0.0)]
    parts = [np.exp(-each.numpy()) for each in losses]
    assert sum(parts) == pytest.approx(np.ones(3)) and parts[1].argmax() == 1
    assert parts[0][1] == pytest.approx(parts[2][1])
