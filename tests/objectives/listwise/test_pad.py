"""PAD in both forms: the properties that its method sheet lists."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from objectives.ratios import with_tokens
from penchant.errors import ConfigurationError
from penchant.objectives import Scored, build
from penchant.objectives.functional.ranking_distributions import ranking_logprobs

LEVELS = st.lists(st.floats(-4.0, -0.1), min_size=2, max_size=4)


def listed(levels: list[float], group: list[int] | None = None) -> Scored:
    """Responses of one token with the given log-probabilities, all of one prompt."""
    view = with_tokens(*[[level] for level in levels])
    return Scored(view.policy, None, view.mask, group=torch.tensor(group or [0] * len(levels)))


def pad(name: str, levels: list[float], scores: list[float], **hyper: object) -> float:
    found = build(name, **hyper)(responses=listed(levels), scores=torch.tensor(scores, dtype=torch.float64))
    return float(found.values.detach())


@given(LEVELS, st.floats(-2.0, 2.0))
def test_equal_scores_up_to_a_constant_cost_nothing(levels: list[float], constant: float) -> None:
    assert pad("pad", levels, [level + constant for level in levels], beta=2.0) == pytest.approx(0.0, abs=1e-9)


@given(LEVELS, st.randoms(use_true_random=False))
def test_the_order_of_responses_does_not_matter_and_the_loss_is_bounded(levels: list[float], random: object) -> None:
    scores = [float(place) for place in range(len(levels))]
    order = list(range(len(levels)))
    random.shuffle(order)  # type: ignore[attr-defined]
    for name in ("pad", "pad-vanilla"):
        found = pad(name, levels, scores, beta=2.0)
        mixed = pad(name, [levels[place] for place in order], [scores[place] for place in order], beta=2.0)
        assert found == pytest.approx(mixed, rel=1e-9)
    assert pad("pad", levels, scores, beta=2.0) <= math.log(2) + 1e-9


@given(st.floats(-4.0, -0.1), st.floats(-4.0, -0.1))
def test_of_two_responses_the_ranking_is_logistic_and_the_vanilla_form_is_simpo(first: float, second: float) -> None:
    both = ranking_logprobs(torch.tensor([2 * first, 2 * second], dtype=torch.float64)).exp().tolist()
    gap = 1 / (1 + math.exp(-2 * (first - second)))
    assert both == pytest.approx([gap, 1 - gap])
    simpo = build("simpo", beta=2.0, gamma=0.0)(chosen=with_tokens([first]), rejected=with_tokens([second]))
    assert pad("pad-vanilla", [first, second], [1.0, 0.0], beta=2.0) == pytest.approx(
        float(simpo.values.detach()), rel=1e-9
    )


def test_prompts_count_each_by_itself_and_long_lists_are_refused() -> None:
    scores = torch.tensor([0.0, 1.0, 2.0, 0.5, 0.1], dtype=torch.float64)
    levels = [-1.0, -2.0, -0.5, -1.5, -1.0]
    together = build("pad", beta=2.0)(responses=listed(levels, [0, 0, 0, 1, 1]), scores=scores).values.tolist()
    apart = [pad("pad", levels[:3], [0.0, 1.0, 2.0], beta=2.0), pad("pad", levels[3:], [0.5, 0.1], beta=2.0)]
    assert together == pytest.approx(apart)
    with pytest.raises(ConfigurationError, match="7 responses"):
        pad("pad", [-1.0] * 7, [0.0] * 7)
