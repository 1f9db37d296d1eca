"""Objectives with heads on hidden states: SPO's degrees, sparse token masks, and the head itself."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch

from families import tiny_model
from forest.words import renderer
from objectives.drawing import HIDDEN, random_inputs
from penchant.errors import ConfigurationError, DataError
from penchant.feedback import read
from penchant.forest import Encoder, collate
from penchant.likelihood import CausalScorer, build_reference
from penchant.objectives import DPO, build, evaluate
from penchant.objectives.functional.heads import Head

ROWS: list[dict[str, Any]] = [
    {
        "prompt": "the cat",
        "chosen": " sat on the dog",
        "rejected": " ran",
        "chosen_degraded": [" sat on the dog", " sat dog", " dog"],
        "rejected_degraded": [" ran", " ran", " and"],
    },
    {
        "prompt": "a dog",
        "chosen": " ran down",
        "rejected": " sat on a cat",
        "chosen_degraded": [" ran down", " ran", " down"],
        "rejected_degraded": [" sat on a cat", " sat cat", " cat"],
    },
]


def dpo(inputs: dict[str, Any]) -> torch.Tensor:
    return DPO().compute(inputs).values


def test_masks_of_one_without_a_penalty_are_dpo() -> None:
    objective = build("sparse-token-mask", lambda_=0.0)
    inputs = random_inputs(objective, seed=1)
    torch.nn.init.constant_(objective.head.bias, 40.0)
    torch.testing.assert_close(objective(**inputs).values, dpo(inputs), rtol=1e-6, atol=1e-6)


def test_every_mask_begins_at_its_initial_value_and_costs_its_weight() -> None:
    objective = build("sparse-token-mask", lambda_=0.5, initial_mask=0.25)
    inputs = random_inputs(objective, seed=2)
    result = objective(**inputs)
    margin = 0.25 * 0.1 * (inputs["chosen"].logratio - inputs["rejected"].logratio)
    size = 0.5 * 0.25 * (inputs["chosen"].length + inputs["rejected"].length)
    torch.testing.assert_close(result.values, size - torch.nn.functional.logsigmoid(margin))
    torch.testing.assert_close(result.statistics["mask/chosen"], torch.full((4,), 0.25, dtype=torch.double))


def test_the_mask_learns_which_tokens_carry_the_contrast() -> None:
    """Tokens that differ between the responses have another state than those that do not."""
    states = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0]]])
    noise = torch.tensor([[-1.0, 0.0, 0.7, -0.7]])
    objective = build("sparse-token-mask", lambda_=0.01, beta=1.0, initial_mask=0.5)
    reference, mask = torch.full((1, 4), -2.0), torch.ones(1, 4, dtype=torch.bool)
    from penchant.objectives import Scored

    better = Scored(reference + noise + torch.tensor([[0.0, 2.0, 0.0, 0.0]]), reference, mask, hidden=states)
    worse = Scored(reference - noise, reference, mask, hidden=states)
    objective.bind(2)
    optimizer = torch.optim.Adam(objective.parameters(), lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        objective(chosen=better, rejected=worse).values.sum().backward()
        optimizer.step()
    weights = torch.sigmoid(objective.head(states[0])).squeeze(-1)
    assert weights[1] > 0.9 > 0.5 > weights[0]


def test_a_fresh_head_says_log_k_and_without_weight_it_is_dpo() -> None:
    objective = build("spo-degree", levels=4)
    inputs = random_inputs(objective, seed=3)
    result = objective(**inputs)
    torch.testing.assert_close(result.statistics["degree_loss"], torch.full((4,), math.log(4.0), dtype=torch.double))
    torch.testing.assert_close(result.values, dpo(inputs) + 0.1 * math.log(4.0))
    off = build("spo-degree", levels=4, gamma=0.0)
    torch.testing.assert_close(off(**random_inputs(off, seed=3)).values, dpo(inputs))


def test_the_degree_is_read_from_the_state_before_the_last_token() -> None:
    inputs = {name: {"policy": [[-1.0]], "reference": [[-1.0]], "hidden": [[[0.0]]]} for name in ("chosen", "rejected")}
    copies = {"policy": [[-1.0, -1.0], [-1.0]], "hidden": [[[9.0], [1.0]], [[-1.0]]]}
    objective = build("spo-degree", levels=2, gamma=1.0)
    objective.bind(1)
    with torch.no_grad():
        objective.head.weight.copy_(torch.tensor([[2.0], [-2.0]]))
    whole = {**inputs, "chosen_degraded": copies, "rejected_degraded": copies, "groups": [[0, 1]]}
    found = evaluate(objective, {}, whole)
    assert found["degree_loss"] == pytest.approx([math.log1p(math.exp(-4.0))]) and found["degree_accuracy"] == [1.0]
    grad = found["grad"]["chosen_degraded.hidden"]
    assert grad[0][0] == [0.0] and grad[0][1][0] < 0 < grad[1][0][0]
    torch.testing.assert_close(objective.head.weight[0, 0].item(), 2.0)  # the one that was given is left alone


def test_another_number_of_copies_is_an_error_that_names_both() -> None:
    objective = build("spo-degree", levels=5)
    with pytest.raises(ConfigurationError, match=r"has 4 copies.*levels=5.*penchant data build degrade"):
        objective(**random_inputs(objective, seed=4))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, r"'chosen_degraded' needs the field 'chosen_degraded'.*penchant data build degrade"),
        (" sat", r"'chosen_degraded' is ' sat', expected a list of texts"),
        ([" sat", 3], r"'chosen_degraded' is '3', expected a text"),
    ],
)
def test_missing_degradations_are_named_with_the_way_to_make_them(value: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        Encoder(renderer(), ["chosen_degraded"]).encode(read([{**ROWS[0], "chosen_degraded": value}]).records)


def test_from_text_to_loss_and_to_the_gradient_of_model_and_head() -> None:
    objective = build("spo-degree", levels=3)
    wanted = objective.requirements
    batch = collate(Encoder(renderer(), wanted.views, wanted.fields).encode(read(ROWS).records).examples)
    scorer, base = CausalScorer(tiny_model("llama")), CausalScorer(tiny_model("llama", seed=1))
    objective.bind(scorer.hidden_size)
    with torch.no_grad():
        objective.head.weight.normal_()
    views = scorer.score_batch(batch, build_reference("initial", base), wanted.needs)
    assert views["chosen_degraded"].group.tolist() == [0, 0, 0, 1, 1, 1]
    assert views["chosen_degraded"].reference is None
    result = objective.compute(views)
    result.statistics["degree_loss"]
    result.values.sum().backward()
    assert objective.head.weight.grad.abs().sum() > 0
    # What is added to DPO reaches the model through the hidden states.
    grads = torch.stack([each.grad.norm() for each in scorer.model.parameters() if each.grad is not None])
    scorer.model.zero_grad()
    views = scorer.score_batch(batch, build_reference("initial", base), wanted.needs)
    dpo(views).sum().backward()
    alone = torch.stack([each.grad.norm() for each in scorer.model.parameters() if each.grad is not None])
    assert (grads - alone).abs().max() > 1e-4


def test_a_head_is_made_once_and_comes_back_from_its_state() -> None:
    first = Head(2, bias=0.25)
    with pytest.raises(ConfigurationError, match=r"has no weights yet.*objective.bind"):
        first(torch.ones(1, HIDDEN))
    first.bind(HIDDEN)
    with torch.no_grad():
        first.weight.normal_()
    kept = copy.deepcopy(first.state_dict())
    first.bind(HIDDEN)
    torch.testing.assert_close(first.weight, kept["weight"])
    with pytest.raises(ConfigurationError, match=r"created for hidden size 3, but this model has hidden size 5"):
        first.bind(5)
    again = Head(2)
    again.load_state_dict(kept)
    states = torch.randn(4, HIDDEN)
    torch.testing.assert_close(again(states), first(states))


def test_heads_inside_sums_are_made_too() -> None:
    both = build("nll") + 0.5 * build("sparse-token-mask")
    assert both.requirements.needs.hidden
    both.bind(HIDDEN)
    assert sum(each.numel() for each in both.parameters()) == HIDDEN + 1


def test_hidden_states_of_another_form_are_refused_in_words() -> None:
    view = {"policy": [[-1.0, -1.0]], "reference": [[-1.0, -1.0]]}
    for hidden, told in (([[[1.0]]], "one hidden state per token"), ([[1.0, "a"]], "not a table of numbers")):
        with pytest.raises(ConfigurationError, match=told):
            evaluate("sparse-token-mask", {}, {"chosen": {**view, "hidden": hidden}, "rejected": view})
    with pytest.raises(ConfigurationError, match=r"scored without them.*Needs\(hidden=True\)"):
        evaluate("sparse-token-mask", {}, {"chosen": view, "rejected": view})
