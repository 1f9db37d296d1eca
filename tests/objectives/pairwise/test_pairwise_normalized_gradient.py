"""Pairwise normalised gradients: what a small step does to either response of a real (small) model."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from families import tiny_model
from forest.words import renderer
from penchant.errors import ConfigurationError
from penchant.feedback import read
from penchant.forest import Encoder, collate
from penchant.likelihood import CausalScorer, build_reference
from penchant.objectives import build, evaluate

# Responses that share most of their words: their gradients point the same way.
ROWS = [
    {"prompt": "the cat", "chosen": " sat on the dog and ran", "rejected": " sat on the dog and ran down"},
    {"prompt": "a dog", "chosen": " ran", "rejected": " sat on a cat and the dog sat down and ran"},
    {"prompt": "a", "chosen": " cat", "rejected": " cat cat cat cat cat"},
]
STEP = 1e-5


def moved(name: str, row: dict[str, Any]) -> tuple[float, float, dict[str, torch.Tensor]]:
    """How much chosen and rejected change in a step of the objective, over the step's size, and the gradients."""
    torch.manual_seed(0)
    model = tiny_model("llama").double()
    scorer = CausalScorer(model)
    objective = build(name, beta=1.0)
    wanted = objective.requirements
    batch = collate(Encoder(renderer(), wanted.views).encode(read([row]).records).examples)
    reference = build_reference("initial", scorer)

    def views() -> Any:
        return scorer.score_batch(batch, reference, wanted.needs)

    before = views()
    objective.compute(before).values.sum().backward()
    gradients = {key: each.grad.clone() for key, each in model.named_parameters() if each.grad is not None}
    with torch.no_grad():
        for each in model.parameters():
            if each.grad is not None:
                each -= STEP * each.grad
    after = views()
    up, down = ((after[side].logp - before[side].logp).item() / STEP for side in ("chosen", "rejected"))
    return up, down, gradients


@pytest.mark.parametrize("row", ROWS)
def test_a_small_step_never_lowers_the_chosen_and_never_raises_the_rejected_response(row: dict[str, Any]) -> None:
    up, down, _ = moved("pairwise-normalized-gradient", row)
    assert up > 0 > down


def test_there_are_pairs_on_which_dpo_lowers_both() -> None:
    up, down, _ = moved("dpo", ROWS[-1])
    assert up < 0 and down < 0


@pytest.mark.parametrize("row", ROWS)
def test_the_gradient_is_the_difference_of_unit_vectors(row: dict[str, Any]) -> None:
    _, _, found = moved("pairwise-normalized-gradient", row)
    model = tiny_model("llama").double()
    scorer = CausalScorer(model)
    batch = collate(Encoder(renderer(), ["chosen", "rejected"]).encode(read([row]).records).examples)
    views = scorer.score_batch(batch, build_reference("none", scorer), build("nll").needs)
    parameters = dict(model.named_parameters())
    units = []
    for side in ("chosen", "rejected"):
        pulls = torch.autograd.grad(views[side].logp.sum(), list(parameters.values()), retain_graph=True)
        flat = torch.cat([each.flatten() for each in pulls])
        units.append(flat / flat.norm())
    expected = -0.5 * (units[0] - units[1])  # β = 1, at equal models σ(0) = 1/2
    ours = torch.cat([found[key].flatten() for key in parameters])
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-6)


def test_on_plain_numbers_each_side_is_divided_by_its_norm() -> None:
    inputs = {
        "chosen": {"policy": [[-1.0]], "reference": [[-1.0]], "gradient_norm": [4.0]},
        "rejected": {"policy": [[-2.0, -1.0]], "reference": [[-2.0, -1.0]], "gradient_norm": [0.5]},
    }
    found = evaluate("pairwise-normalized-gradient", {"beta": 0.2}, inputs)
    assert found["losses"] == evaluate("dpo", {"beta": 0.2}, inputs)["losses"]
    assert found["grad"] == {"chosen.policy": [[-0.025]], "rejected.policy": [[0.2, 0.2]]}


def test_norms_that_are_missing_are_named() -> None:
    view = {"policy": [[-1.0]], "reference": [[-1.0]]}
    with pytest.raises(ConfigurationError, match="'chosen' has no 'gradient_norm'"):
        evaluate("pairwise-normalized-gradient", {}, {"chosen": view, "rejected": view})
    scorer = CausalScorer(tiny_model("llama"))
    batch = collate(Encoder(renderer(), ["chosen", "rejected"]).encode(read(ROWS).records).examples)
    views = scorer.score_batch(batch, build_reference("initial", scorer), build("dpo").needs)
    with pytest.raises(ConfigurationError, match=r"no 'gradient_norm'.*Needs\(gradient_norms=True\)"):
        build("pairwise-normalized-gradient").compute(views)
