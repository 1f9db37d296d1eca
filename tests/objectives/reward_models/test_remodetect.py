"""The detector of machine text: order of the three texts, the replayed rewards, and where it starts."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from objectives.reward_models.test_pal import view
from penchant.errors import ConfigurationError, DataError
from penchant.feedback.records import Comparison, Prompt
from penchant.feedback.views.view import supplied_texts
from penchant.objectives import build


def states(seed: int, rows: int = 6) -> Any:
    return view(torch.randn(rows, 2, 4, generator=torch.Generator().manual_seed(seed)))


def test_training_puts_the_three_texts_in_order_and_the_square_term_bounds_rewards() -> None:
    ends = torch.zeros(3, 5, 2, 4)
    ends[0, :, 1, 0], ends[2, :, 1, 0] = 1.0, -1.0
    largest = []
    for l2 in (0.01, 1.0):
        objective = build("remodetect", l2=l2)
        objective.bind(4)
        inputs = dict(zip(("chosen", "mixed", "rejected"), map(view, ends), strict=True))
        optimizer = torch.optim.Adam(objective.parameters(), lr=0.1)
        for _step in range(100):
            optimizer.zero_grad()
            found = objective(**inputs)
            found.values.mean().backward()
            optimizer.step()
        assert found.statistics["in_order"].mean() == 1
        largest.append(float(objective.rewards(inputs["chosen"])[0]))
    assert largest[0] > 2 * largest[1] > 0


def test_a_replayed_text_costs_nothing_while_its_reward_is_that_of_the_teacher() -> None:
    objective = build("remodetect", rho=0.5)
    objective.bind(4)
    three = {name: states(place) for place, name in enumerate(("chosen", "mixed", "rejected"))}
    again = states(3)
    score = objective.rewards(again)
    plain = objective(**three).values
    torch.testing.assert_close(objective(**three, replay=again, replay_score=score).values, plain)
    moved = objective(**three, replay=again, replay_score=score + 3.0)
    torch.testing.assert_close(moved.values, plain + 0.5 * 9)
    torch.testing.assert_close(moved.statistics["replay_loss"], torch.full((6,), 4.5))
    with pytest.raises(ConfigurationError, match="not the rewards that they had"):
        objective(**three, replay=again)


def test_the_views_are_the_mixed_text_and_a_replayed_one_under_its_own_prompt() -> None:
    pair = Comparison(prompt="p", chosen="a", rejected="b", fields={"mixed": "m", "replay_prompt": "q", "replay": "z"})
    assert supplied_texts("mixed", pair) == [("p", "m")] and supplied_texts("replay", pair) == [("q", "z")]
    assert supplied_texts("replay", Comparison(prompt="p", chosen="a", rejected="b")) is None
    assert supplied_texts("mixed", Prompt(prompt="p", fields={"mixed": "m"})) is None
    with pytest.raises(DataError, match="'replay_prompt' is missing"):
        supplied_texts("replay", Comparison(prompt="p", chosen="a", rejected="b", fields={"replay": "z"}))
