"""Statistical rejection sampling: the sheet's checks."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from penchant.curation.rejection import first_round, rejection_sample, sampled_comparisons, tournament
from penchant.errors import ConfigurationError, DataError
from penchant.feedback import Comparison, Ranking

REWARDS = st.lists(st.integers(-40, 40).map(lambda eighth: eighth / 8), min_size=1, max_size=12)
SEEDS = st.integers(0, 1000)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(REWARDS, st.integers(1, 14), st.floats(0.05, 5.0), SEEDS)
def test_the_best_is_accepted_in_the_first_round_and_enough_are_found(
    rewards: list[float], keep: int, beta: float, seed: int
) -> None:
    found = rejection_sample(rewards, keep, beta, generator(seed))
    assert len(found) == len(set(found)) == min(keep, len(rewards))
    everything = rejection_sample(rewards, len(rewards), beta, generator(seed))
    assert everything[: len(found)] == found
    # The first round goes through the candidates in order, so its indices rise; the best is among them.
    rising = next((at for at in range(1, len(everything)) if everything[at] < everything[at - 1]), len(everything))
    assert max(rewards) in [rewards[place] for place in everything[:rising]]


@given(REWARDS, st.integers(-16, 16), SEEDS)
def test_a_common_shift_of_all_rewards_changes_nothing(rewards: list[float], shift: int, seed: int) -> None:
    moved = [reward + shift for reward in rewards]
    assert rejection_sample(moved, 5, 0.5, generator(seed)) == rejection_sample(rewards, 5, 0.5, generator(seed))


@given(REWARDS, SEEDS)
def test_its_two_limits(rewards: list[float], seed: int) -> None:
    keep = max(1, len(rewards) // 2)
    assert rejection_sample(rewards, keep, math.inf, generator(seed)) == list(range(keep))
    best = [rewards[place] for place in rejection_sample(rewards, keep, 1e-6, generator(seed))]
    assert best == sorted(rewards, reverse=True)[:keep]


def test_a_first_candidate_is_accepted_as_often_as_its_reward_says() -> None:
    draw, tries = generator(3), 4000
    hits = sum(rejection_sample([0.5, 1.0], 2, 0.5, draw)[0] == 0 for _ in range(tries))
    share = math.exp(-1.0)
    assert abs(hits / tries - share) < 4 * math.sqrt(share * (1 - share) / tries)


@given(st.integers(0, 12), SEEDS)
def test_pairings(count: int, seed: int) -> None:
    rewards = [float(value) for value in range(count)]
    neighbours = first_round(range(count), rewards, generator(seed))
    assert len(neighbours) == count // 2 and len({place for each in neighbours for place in each}) == 2 * (count // 2)
    matches = tournament(range(count), rewards, generator(seed))
    assert len(matches) == max(count - 1, 0)
    assert all(rewards[better] > rewards[worse] for better, worse in neighbours + matches)
    # Everybody but the winner loses once.
    assert sorted(worse for _, worse in matches) == list(range(max(count - 1, 0)))


@pytest.mark.parametrize("pairing", ["first-round", "tournament"])
def test_rankings_become_comparisons_under_the_seed(pairing: str) -> None:
    texts = tuple(f"answer {at}" for at in range(10))
    ranking = Ranking(prompt="q", completions=texts, scores=tuple(range(10)), fields={"id": 7})
    built = sampled_comparisons([ranking] * 3, keep=6, pairing=pairing, seed=4)
    assert built.rows == sampled_comparisons([ranking] * 3, keep=6, pairing=pairing, seed=4).rows
    assert built.counts["candidates accepted"] == 18
    for row in built.rows:
        assert row["id"] == 7 and row["chosen_score"] > row["rejected_score"]
        assert row["chosen"] == f"answer {row['chosen_score']}"


def test_what_cannot_be_sampled_is_named() -> None:
    for given_ in ({"keep": 0}, {"beta": 0.0}):
        with pytest.raises(ConfigurationError, match=f"{next(iter(given_))} is 0"):
            rejection_sample([1.0], **{"keep": 1, "beta": 1.0, **given_}, generator=generator())
    with pytest.raises(DataError, match="not a finite number"):
        rejection_sample([math.nan], 1, 1.0, generator())
    with pytest.raises(DataError, match="rankings with scores"):
        sampled_comparisons([Comparison(prompt="q", chosen="a", rejected="b")])
    with pytest.raises(ConfigurationError, match="'pairing' is 'tournement'"):
        sampled_comparisons([], pairing="tournement")
