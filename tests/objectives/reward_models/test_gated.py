"""The gated reward: one criterion is a plain head, order within aspects is nothing, missing ratings cost nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.lab.worlds.tabular.heads import with_states
from penchant.objectives import build

MISSING = float("nan")


def states(seed: int = 0, rows: int = 5) -> tuple[Tensor, Tensor]:
    first, second = torch.randn(2, rows, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return first, second


def model(**hyper: Any) -> Any:
    torch.manual_seed(0)
    objective = build("moe-reward", gate_width=8, gate_layers=1, **hyper)
    objective.bind(4)
    return objective.double()


def pair(seed: int = 0) -> dict[str, Any]:
    prompt = states(seed + 1)[0]
    return {name: with_states(each, prompt) for name, each in zip(("chosen", "rejected"), states(seed), strict=True)}


def test_one_criterion_is_bradley_terry() -> None:
    plain, gated = build("bt"), model(criteria=1)
    plain.bind(4)
    plain.double()
    plain.reward_head.weight.data.copy_(gated.reward_head.weight)  # type: ignore[union-attr, arg-type, operator]
    assert torch.allclose(gated(**pair()).values, plain(**pair()).values)


def test_a_hot_gate_is_a_plain_mean() -> None:
    objective = model(criteria=3, aspects=[[0, 2], [1]], temperature=1e9)
    outputs = torch.tensor([[1.0, 5.0, 3.0]], dtype=torch.float64)
    assert objective.judged(outputs, torch.ones(4, dtype=torch.float64)).item() == pytest.approx(3.5)


def test_the_order_inside_an_aspect_is_nothing() -> None:
    ratings = {f"{side}_ratings": each[:, :3] for side, each in zip(pair(), states(7), strict=True)}
    orders = [[0, 2], [1]], [[2, 0], [1]]
    one, other = (model(criteria=3, aspects=each)(**pair(), **ratings).values for each in orders)
    assert torch.allclose(one, other)


def test_the_log_and_the_judge_give_the_same_rewards() -> None:
    objective, side = model(criteria=3, aspects=[[0, 1], [2]], temperature=1.0), pair()["chosen"]
    alone = [
        objective.judged(objective.read_out(end.unsqueeze(0)), start)
        for end, start in zip(side.end_state, side.start_state, strict=True)
    ]
    assert torch.allclose(objective.rewards(side), torch.cat(alone))


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_a_criterion_that_nobody_rated_leaves_its_row_alone(stage: int) -> None:
    objective = model(criteria=2, stage=stage, gate_weight=0.0)
    ratings = torch.tensor([[1.0, MISSING]] * 5, dtype=torch.float64)
    objective(**pair(), chosen_ratings=ratings, rejected_ratings=ratings).values.sum().backward()
    reached = objective.reward_head.weight.grad.abs().sum(dim=1)
    assert torch.isfinite(reached).all() and reached[0] > 0
    assert (reached[1] > 0) == (stage == 3), "the overall reward alone reads it"


def test_gates_close_on_what_does_not_apply() -> None:
    ratings = torch.tensor([[0.0, MISSING, MISSING]] * 5, dtype=torch.float64)
    objective = model(criteria=3, aspects=[[0, 1], [2]], temperature=1.0)
    inputs = {**pair(), "chosen_ratings": ratings, "rejected_ratings": ratings}
    optimizer = torch.optim.Adam(objective.parameters(), lr=0.05)

    def opened() -> tuple[float, float]:
        side = inputs["chosen"]
        gated = objective.gated(objective.reward_head(side.end_state), side.start_state)
        within, across = gated.criterion_weights[0], gated.aspect_gate
        return tuple((each[:, 1] / each.sum(dim=1)).mean().item() for each in (within, across))  # type: ignore[return-value]

    before = opened()
    for _ in range(40):
        optimizer.zero_grad()
        objective(**inputs).values.mean().backward()
        optimizer.step()
    after = opened()
    assert after[0] < 0.5 * before[0] and after[1] < 0.5 * before[1]


def test_an_aspect_is_learned_towards_its_own_better_response() -> None:
    objective = model(criteria=2, stage=2, gate_weight=0.0, temperature=1.0)
    better, worse = (torch.tensor([each] * 5, dtype=torch.float64) for each in ([1.0, 0.0], [0.0, 1.0]))
    exchanged = {"chosen": pair()["rejected"], "rejected": pair()["chosen"]}
    one = objective(**pair(), chosen_ratings=better, rejected_ratings=worse).values
    other = objective(**exchanged, chosen_ratings=worse, rejected_ratings=better).values
    assert torch.allclose(one, other), "in stage 2 which response is called chosen says nothing"


def test_what_cannot_be_learned_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="do not hold each of the 3 criteria once"):
        build("moe-reward", criteria=3, aspects=[[0, 1], [1]])
    with pytest.raises(ConfigurationError, match="Stage 1 learns from ratings alone"):
        model(stage=1)(**pair())
    with pytest.raises(ConfigurationError, match="ratings of one response alone"):
        model()(**pair(), chosen_ratings=torch.zeros(5, 2))
    with pytest.raises(ConfigurationError, match=r"'chosen_ratings' has 3 numbers, expected 2.*objective\.criteria=3"):
        model()(**pair(), chosen_ratings=torch.zeros(5, 3), rejected_ratings=torch.zeros(5, 3))
