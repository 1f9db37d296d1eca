"""PAL: annotators who disagree are both served, with one prototype all agree; new ones move their weights alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives import Objective, Scored, build


def view(ends: Tensor) -> Scored:
    """Responses of one token with these states at their ends, [R, 2, D]."""
    mask = torch.ones(len(ends), 1, dtype=torch.bool)
    return Scored(torch.zeros(len(ends), 1), None, mask, ends=ends, likelihood=False)


def opposed(pairs: int, seed: int) -> dict[str, Tensor | Scored]:
    """Two annotators who order the same pairs in opposite ways, by the sign of the first number of a state."""
    generator = torch.Generator().manual_seed(seed)
    states = torch.randn(pairs, 2, 4, generator=generator)
    states[:, :, 0] = states[:, :, 0].abs() + 0.5
    low = states.clone()
    low[:, :, 0] *= -1
    who = torch.arange(pairs) % 2
    first = (who == 0).view(-1, 1, 1)
    return {
        "chosen": view(torch.where(first, states, low)),
        "rejected": view(torch.where(first, low, states)),
        "annotator": who.float(),
    }


def fit(objective: Objective, inputs: dict[str, Tensor | Scored], steps: int = 150) -> None:
    objective.bind(4)
    trained = [each for each in objective.parameters() if each.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=0.02)
    for _step in range(steps):
        optimizer.zero_grad()
        objective(**inputs).values.mean().backward()
        optimizer.step()


def accuracy(objective: Objective, inputs: dict[str, Tensor | Scored]) -> float:
    return objective(**inputs).statistics["reward_accuracy"].mean().item()


@pytest.mark.parametrize("form", ["A", "B"])
def test_annotators_who_disagree_are_both_served_and_one_prototype_serves_none(form: str) -> None:
    train, other = opposed(300, seed=0), opposed(200, seed=1)
    reached = {}
    for prototypes in (1, 2):
        objective = build("pal", form=form, prototypes=prototypes, width=16, pair_loss="logistic")
        fit(objective, train)
        reached[prototypes] = accuracy(objective, other)
    assert reached[2] > 0.9 and reached[1] < 0.7


def test_with_one_prototype_all_annotators_have_equal_rewards() -> None:
    objective = build("pal", prototypes=1, annotators=3)
    objective.bind(4)
    ends = torch.randn(3, 1, 4).expand(3, 2, 4)
    rewards = objective.reward(view(ends[:1].expand(3, 2, 4)), torch.arange(3))
    torch.testing.assert_close(rewards, rewards[:1].expand(3))


def test_exchanging_the_responses_negates_the_margin() -> None:
    objective, inputs = build("pal"), opposed(4, seed=2)
    objective.bind(4)
    turned = {**inputs, "chosen": inputs["rejected"], "rejected": inputs["chosen"]}
    margins = [objective(**each).statistics["reward_margin"] for each in (inputs, turned)]
    torch.testing.assert_close(margins[0], -margins[1])


@pytest.mark.parametrize("form", ["A", "B"])
def test_new_annotators_train_nothing_but_their_weights(form: str) -> None:
    known = build("pal", form=form, width=16, pair_loss="logistic")
    fit(known, opposed(300, seed=3))
    new = build("pal", form=form, width=16, pair_loss="logistic", only_annotators=True)
    new.load_state_dict(known.state_dict())
    before = {name: each.clone() for name, each in new.state_dict().items()}
    # The two exchange their tastes, and show five pairs each.
    few = opposed(10, seed=4)
    few["annotator"] = 1 - few["annotator"]
    held = opposed(200, seed=5)
    held["annotator"] = 1 - held["annotator"]
    assert accuracy(new, held) < 0.2
    fit(new, few, steps=400)
    moved = {name for name, each in new.state_dict().items() if not torch.equal(each, before[name])}
    assert moved == {"weights"}
    assert accuracy(new, held) > 0.8


def test_states_have_no_gradient_where_only_annotators_are_trained() -> None:
    objective, inputs = build("pal", only_annotators=True), opposed(2, seed=6)
    objective.bind(4)
    ends = inputs["chosen"].ends.requires_grad_()
    objective(**inputs).values.sum().backward()
    assert ends.grad is None and objective.weights.grad is not None


@pytest.mark.parametrize("number", [2.0, -1.0, 0.5])
def test_an_annotator_that_does_not_exist_is_refused(number: float) -> None:
    objective, inputs = build("pal"), opposed(1, seed=7)
    objective.bind(4)
    inputs["annotator"] = torch.tensor([number])
    with pytest.raises(ConfigurationError, match=r"'annotator' is .*expected a whole number from 0 to 1"):
        objective(**inputs)


def test_an_annotator_with_one_vote_and_two_who_always_agree_train() -> None:
    inputs = opposed(5, seed=8)
    inputs["annotator"] = torch.tensor([0.0, 1.0, 0.0, 2.0, 2.0])
    inputs["chosen"], inputs["rejected"] = (view(inputs[name].ends.detach()) for name in ("chosen", "rejected"))
    objective = build("pal", annotators=3)
    fit(objective, inputs, steps=5)
    assert all(torch.isfinite(each).all() for each in objective.parameters())
