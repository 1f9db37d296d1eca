"""Flipped labels: smoothing and correction of any loss, and the methods that they make."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from objectives.drawing import random_inputs
from penchant.errors import ConfigurationError
from penchant.objectives import Objective, Scored, build
from penchant.objectives.functional.pairs import logistic, logratio_margin

RATES = st.floats(0.0, 0.49)
SEEDS = st.integers(0, 10_000)
FEW = settings(max_examples=25)
INSIDE = ["dpo", "ipo", "slic-hinge", "rdpo", "averaged(dpo)"]


def both_ways(inside: str, inputs: dict[str, Scored], **hyper: float) -> tuple[Tensor, Tensor]:
    objective = build(inside, **hyper)
    other = {"chosen": inputs["rejected"], "rejected": inputs["chosen"]}
    return objective(**inputs).values, objective(**other).values


@FEW
@given(RATES, SEEDS)
def test_smoothed_dpo_is_cdpo_and_corrected_dpo_is_rdpo(rate: float, seed: int) -> None:
    inputs = random_inputs(build("dpo"), seed)
    smoothed = build("smoothed(dpo)", beta=0.3, label_smoothing=rate)(**inputs).values
    torch.testing.assert_close(smoothed, logistic(0.3 * logratio_margin(**inputs), rate))
    unbiased = build("unbiased(dpo)", beta=0.3, label_smoothing=rate)(**inputs).values
    torch.testing.assert_close(unbiased, build("rdpo", beta=0.3, label_smoothing=rate)(**inputs).values)


@pytest.mark.parametrize("inside", INSIDE)
@FEW
@given(rate=RATES, seed=SEEDS)
def test_over_flipped_labels_the_corrected_mean_is_the_loss_of_the_true_label(
    inside: str, rate: float, seed: int
) -> None:
    inputs = random_inputs(build(inside), seed)
    right, wrong = both_ways(f"unbiased({inside})", inputs, **{"unbiased.label_smoothing": rate})
    torch.testing.assert_close((1 - rate) * right + rate * wrong, both_ways(inside, inputs)[0])


@pytest.mark.parametrize("inside", INSIDE)
def test_a_probability_in_the_record_takes_the_place_of_the_rate(inside: str) -> None:
    inputs = random_inputs(build(inside), 3)
    straight, flipped = both_ways(inside, inputs)
    probability = torch.tensor([1.0, 0.0, 0.5, 0.8])
    values = build(f"smoothed({inside})")(**inputs, probability=probability).values
    torch.testing.assert_close(values, probability * straight + (1 - probability) * flipped)


class Score(Objective):
    """The margin of scores, and what it has seen of them.

    loss = chosen_score − rejected_score
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def loss(self, chosen: Scored, rejected: Scored, chosen_score: Tensor, rejected_score: Tensor) -> Tensor:
        """[B]"""
        margin = chosen_score - rejected_score
        if self.training:
            self.seen += margin.sum()
        return margin + 0.0 * (chosen.logp - rejected.logp)


@pytest.mark.parametrize("training", [True, False])
def test_fields_of_both_sides_change_places_and_state_learns_once(training: bool) -> None:
    from penchant.objectives.wrappers.flipped_labels import Smoothed

    view = random_inputs(build("dpo"), 1)
    inside = Score()
    objective = Smoothed(inside, label_smoothing=0.25).train(training)
    scores = {"chosen_score": torch.full((4,), 3.0), "rejected_score": torch.full((4,), 1.0)}
    values = objective(**view, **scores).values
    torch.testing.assert_close(values, torch.full_like(values, 0.75 * 2 - 0.25 * 2))
    assert inside.seen.item() == (8.0 if training else 0.0) and inside.training is training


def test_an_objective_that_knows_the_probability_is_not_smoothed() -> None:
    with pytest.raises(ConfigurationError, match="already reads the probability of the label"):
        build("smoothed(smoothed(dpo))")
