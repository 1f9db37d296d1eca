"""The penalty on verbosity: none before it is fitted, enough after, and only in what the overall reward is made of."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import spearmanr

from penchant.errors import ConfigurationError
from penchant.objectives import build
from penchant.objectives.functional.rating_regression import VerbosityPenalty


def predicted() -> torch.Tensor:
    """Ratings of which the first follows verbosity (the last) and the second does not."""
    drawn = torch.Generator().manual_seed(0)
    length = torch.arange(60.0)
    noise = torch.randn(60, 2, generator=drawn)
    return torch.stack([0.3 * length + 3 * noise[:, 0], -length + noise[:, 1], length], dim=1)


def test_the_rewards_do_not_rank_by_verbosity_once_it_is_fitted() -> None:
    objective = build("multi-label-reward", labels=3, verbosity=2, weights=[1.0, 0.0, 5.0])
    ratings = predicted()
    weights = torch.tensor([1.0, 0.0, 5.0])
    assert torch.equal(objective.judged(ratings), ratings @ weights), "nothing is taken before it is fitted"
    found = objective.penalty.fit(ratings)  # type: ignore[union-attr, operator]
    assert found["penalties"][1:] == [0.0, 1.0] and 0 < found["penalties"][0] < 1
    assert found["before"][0] == pytest.approx(spearmanr(ratings[:, 0], ratings[:, 2]).statistic)
    left = spearmanr(objective.judged(ratings), ratings[:, 2]).statistic
    assert left == pytest.approx(found["after"][0]) and left <= 0.03 < found["before"][0]


def test_the_fitted_penalties_are_part_of_what_is_saved() -> None:
    objective = build("multi-label-reward", labels=3, verbosity=2)
    objective.penalty.fit(predicted())  # type: ignore[union-attr, operator]
    again = build(objective.id, **objective.hyper)
    again.load_state_dict(objective.state_dict())
    assert torch.equal(again.judged(predicted()), objective.judged(predicted()))
    assert "penalty.penalties" not in build("multi-label-reward", labels=3).state_dict()


def test_gates_weigh_ratings_without_verbosity_and_rate_aspects_with_it() -> None:
    plain, free = (build("moe-reward", criteria=3, aspects=[[0, 2], [1]], **more) for more in ({}, {"verbosity": 2}))
    outputs = predicted()[:5]
    states = torch.randn(5, 4, generator=torch.Generator().manual_seed(1))
    for each in (plain, free):
        torch.manual_seed(0)
        each.bind(4)
    free.load_state_dict(plain.state_dict(), strict=False)
    assert torch.equal(free.gated(outputs, states).score, plain.gated(outputs, states).score)  # type: ignore[operator]
    free.penalty.penalties.copy_(torch.tensor([0.5, 0.0, 1.0]))  # type: ignore[union-attr, operator]
    found, raw = free.gated(outputs, states), plain.gated(outputs, states)  # type: ignore[operator]
    assert torch.equal(found.aspect_scores, raw.aspect_scores)
    shorn = outputs - outputs[:, 2:] * torch.tensor([0.5, 0.0, 1.0])
    torch.testing.assert_close(found.score, plain.gated(shorn, states).score)  # type: ignore[operator]


@pytest.mark.parametrize("name, size", [("multi-label-reward", "labels"), ("moe-reward", "criteria")])
def test_a_rating_that_is_not_there_is_refused(name: str, size: str) -> None:
    with pytest.raises(ConfigurationError, match=r"'verbosity' is 3.* there are 3, from 0 to 2"):
        build(name, **{size: 3}, verbosity=3)
    with pytest.raises(ConfigurationError, match="there is 1"):
        build(name, **{size: 1}, verbosity=0)


def test_ratings_that_do_not_vary_are_left_as_they_are() -> None:
    part = VerbosityPenalty(2, verbosity=1)
    assert part.fit(torch.ones(4, 2))["penalties"] == [0.0, 1.0]
