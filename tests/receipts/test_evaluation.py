"""Evaluation of any method on plain numbers."""

from __future__ import annotations

from typing import Any

import pytest

from penchant import objectives
from penchant.errors import ConfigurationError
from penchant.objectives import SimPO
from penchant.objectives.core.evaluate import evaluate as evaluate_in_our_terms
from penchant.receipts import evaluate

PAIR: dict[str, Any] = {
    "chosen": {"policy": [[-1.0, -2.0]], "reference": [[-1.0, -1.0]]},
    "rejected": {"policy": [[-3.0]], "reference": [[-1.0]]},
}


def test_objectives_gives_the_evaluation_that_knows_published_cases() -> None:
    assert objectives.evaluate is evaluate
    with pytest.raises(AttributeError, match="no attribute 'evaluat'"):
        objectives.evaluat  # noqa: B018


def test_an_id_and_its_class_have_published_keys_and_an_instance_ours() -> None:
    by_id, by_class = evaluate("simpo", {"beta": 3.0}, PAIR), evaluate(SimPO, {"beta": 3.0}, PAIR)
    assert by_id == by_class and "nll_loss" in by_id and "preference" not in by_id
    built = SimPO(beta=3.0)
    own = evaluate(built, None, PAIR)
    assert own == evaluate_in_our_terms("simpo", {"beta": 3.0}, PAIR)
    assert own["loss"] == by_id["loss"] and own["grad"] == by_id["grad"] and "preference" in own


def test_an_id_without_an_objective_is_evaluated_by_its_adapter() -> None:
    found = evaluate("iterative-dpo", {"rule": "max_min"}, {"rewards": [[0.0, 1.0]]})
    assert found["pairs"] == [{"prompt": 0, "chosen": 1, "rejected": 0}]


@pytest.mark.parametrize("method", ["ddo-rm", "adpo-listwise", "exo-rw"])
def test_published_names_of_record_fields_are_known_here_and_not_below(method: str) -> None:
    view = {"policy": [[-1.0], [-2.0]], "reference": [[-1.0], [-1.0]]}
    inputs = {"responses": view, "groups": [[0, 1]]}
    assert evaluate(method, {}, {**inputs, "rewards": [1.0, 0.0]}) == evaluate(
        method, {}, {**inputs, "scores": [1.0, 0.0]}
    )
    with pytest.raises(ConfigurationError, match="'scores' is missing"):
        evaluate_in_our_terms(method, {}, {**inputs, "rewards": [1.0, 0.0]})


def test_without_a_file_the_objective_of_the_id_is_meant() -> None:
    smoothed = {"beta": 0.1, "label_smoothing": 0.1}
    plain = evaluate("rdpo", smoothed, PAIR)
    assert plain == evaluate("rdpo", smoothed, PAIR, file="pairwise") == evaluate_in_our_terms("rdpo", smoothed, PAIR)
    with pytest.raises(ConfigurationError, match="calls 'rdpo' is not built yet"):
        evaluate("rdpo", smoothed, PAIR, file="multimodal-and-data-construction")


def test_an_unknown_id_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"no objective 'dpoo'. Did you mean 'dpo'"):
        evaluate("dpoo", {}, PAIR)


@pytest.mark.parametrize(
    ("method", "inputs", "told"),
    [
        ("ift", {"response": {"policy": [[-1.0]]}}, "'responses' is missing"),
        ("ift", {"responses": {"policy": [[-1.0]]}}, "has no 'policy_second_pass'"),
        ("gpm", {"first": [[1.0, 0.0]]}, "'second' is missing"),
        ("gpm", {"first": [[1.0, 0.0]], "second": [[0.0, 1.0]], "prompt_hidden": [[1.0]]}, "'prompt_head_weight' is"),
        ("tpo-tree", {"token_log_ratio": [[0.0]], "hidden_states": [[[1.0]]]}, "'step_index' is missing"),
        (
            "sparsepo",
            {
                "chosen": {
                    "policy_logits": [[[0.0, 1.0]]],
                    "reference_logits": [[[0.0, 1.0]]],
                    "labels": [[0]],
                    "reward_mask": [[1.0]],
                }
            },
            "'rejected' is missing",
        ),
    ],
)
def test_an_input_that_a_published_form_lacks_is_named(method: str, inputs: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        evaluate(method, {}, inputs)
