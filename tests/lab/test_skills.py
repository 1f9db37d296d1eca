"""The world of skills: what its model knows, what training changes, and strategies in it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from penchant.lab.worlds.skills import added_up, draw_skills, tune


def test_the_model_knows_the_first_skill_alone_and_draws_are_repeated() -> None:
    drawn = draw_skills(3)
    assert drawn.loss(drawn.network, "a") < 0.1
    assert min(drawn.loss(drawn.network, skill) for skill in "bc") > 1.0
    draw_skills.cache_clear()
    again = draw_skills(3)
    assert all(torch.equal(a, b) for a, b in zip(drawn.network.parameters(), again.network.parameters(), strict=True))
    other = draw_skills(4).tables["a"]
    assert [each.views for each in other] != [each.views for each in drawn.tables["a"]]


@pytest.mark.parametrize(
    ("parameters", "rank"),
    [
        (None, 0),
        (None, 1),
        ({"name": "half-fine-tuning"}, 0),
        ({"name": "lt-sft", "ratio": 0.1}, 0),
        ({"name": "spt", "ratio": 0.05, "rank": 1, "batches": 1}, 0),
    ],
    ids=["all", "lora", "half", "lottery", "spt"],
)
def test_training_moves_what_the_strategy_says_and_leaves_the_start(parameters: Any, rank: int) -> None:
    drawn = draw_skills(3)
    before = {name: each.clone() for name, each in drawn.network.state_dict().items()}
    tuned = tune(drawn, "b", rate=3e-3, steps=20, parameters=parameters, rank=rank)
    assert drawn.loss(tuned.network, "b") < drawn.loss(drawn.network, "b")
    assert all(torch.equal(each, before[name]) for name, each in drawn.network.state_dict().items())
    size = sum(each.numel() for each in drawn.network.parameters())
    assert 0 < tuned.trained <= size and (tuned.trained == size) == (parameters is None and not rank)
    assert tuned.steps == 20


def test_training_ends_where_the_loss_is_reached() -> None:
    drawn = draw_skills(3)
    tuned = tune(drawn, "b", rate=3e-3, steps=200, until=0.5)
    assert tuned.steps < 200 and drawn.loss(tuned.network, "b") <= 0.5


def test_differences_of_one_model_add_up_to_that_model() -> None:
    drawn = draw_skills(3)
    tuned = tune(drawn, "b", rate=3e-3, steps=5).network
    made = added_up(drawn.network, [tuned])
    for one, other in zip(made.parameters(), tuned.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)
