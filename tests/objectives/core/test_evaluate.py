"""Evaluation on plain lists: every form of input, and what is wrong with it in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives import DPO, Needs, Objective, Scored, evaluate

PAIR: dict[str, Any] = {
    "chosen": {"policy": [[-1.0, -2.0], [-1.0]], "reference": [[-1.0, -1.0], [-2.0]]},
    "rejected": {"policy": [[-3.0], [-1.0, -1.0, -1.0]], "reference": [[-1.0], [-1.0, -1.0, -2.0]]},
}


class Listwise(Objective):
    """Score-weighted likelihood, summed in each group."""

    def loss(self, responses: Scored, score: Tensor) -> Tensor:
        return torch.zeros(responses.examples, dtype=score.dtype).index_add(0, responses.group, -score * responses.logp)


class Judged(Objective):
    """Likelihood of the desired responses, with a field of each response and a statistic of each token."""

    needs = Needs(stats=frozenset({"position_kl"}))

    def loss(self, responses: Scored, label: Tensor) -> Tensor:
        return -(2 * label - 1) * responses.logp * responses.fields["scale"] + responses.stat("position_kl").sum(-1)


class Several(Objective):
    """One chosen against several rejected."""

    def loss(self, chosen: Scored, rejected: Sequence[Scored]) -> Tensor:
        return sum((each.logp for each in rejected), -chosen.logp)


def test_results_are_ragged_lists_of_doubles_with_gradients_of_the_mean() -> None:
    result = evaluate("ipo", {"beta": 0.5}, PAIR)
    assert result["losses"] == [0.25, pytest.approx((1 - 1 / 3 - 1) ** 2)]
    assert result["loss"] == pytest.approx(sum(result["losses"]) / 2)
    grad = result["grad"]
    assert [len(row) for row in grad["chosen.policy"]] == [2, 1]
    assert [len(row) for row in grad["rejected.policy"]] == [1, 3]
    assert grad["chosen.policy"][0] == pytest.approx([0.25, 0.25])  # 2 · 0.5 / 2 tokens / 2 pairs


def test_an_instance_a_class_and_an_id_give_the_same() -> None:
    results = [
        evaluate(DPO(beta=0.5), None, PAIR),
        evaluate(DPO, {"beta": 0.5}, PAIR),
        evaluate("dpo", {"beta": 0.5}, PAIR),
    ]
    assert results[0] == results[1] == results[2]
    with pytest.raises(ConfigurationError, match="already built"):
        evaluate(DPO(), {"beta": 0.5}, PAIR)


def test_lists_are_grouped_wherever_their_responses_stand() -> None:
    inputs = {
        "responses": {"policy": [[-1.0], [-2.0], [-3.0]]},
        "groups": [[2, 0], [1]],
        "scores": [[10.0, 1.0], [100.0]],
    }
    result = evaluate(Listwise, {}, inputs)
    assert result["losses"] == [31.0, 200.0]
    assert result["grad"]["responses.policy"] == [[-0.5], [-50.0], [-5.0]]
    assert evaluate(Listwise, {}, inputs | {"scores": [1.0, 100.0, 10.0]})["losses"] == [31.0, 200.0]


def test_labels_fields_of_a_view_and_statistics_of_its_tokens() -> None:
    view = {"policy": [[-1.0, -1.0], [-3.0]], "position_kl": [[0.5, 0.25], [0.0]], "scale": [1.0, 2.0]}
    result = evaluate(Judged, {}, {"responses": view, "labels": [True, False]})
    assert result["losses"] == [2.75, -6.0]
    assert result["grad"]["responses.position_kl"] == [[0.5, 0.5], [0.5]]


def test_a_view_of_several_is_a_list() -> None:
    one = {"policy": [[-1.0]]}
    result = evaluate(Several, {}, {"chosen": one, "rejected": [one, {"policy": [[-2.0]]}]})
    assert result["losses"] == [-2.0]
    assert set(result["grad"]) == {"chosen.policy", "rejected[0].policy", "rejected[1].policy"}


@pytest.mark.parametrize(
    ("objective", "changes", "told"),
    [
        ("dpo", {"rejected": None}, "view 'rejected' has no 'policy'"),
        ("dpo", {"rejected": {"policy": [[-1.0]]}}, "'rejected' has no 'reference'.*Expected.*\"reference\""),
        ("dpo", {"rejected": {"policy": [-1.0], "reference": [[-1.0]]}}, "'rejected.policy' is not a list of lists"),
        ("dpo", {"rejected": {"policy": [["a"]], "reference": [[-1.0]]}}, "'rejected.policy' is not a list of lists"),
        ("dpo", {"rejected": {"policy": [[-1.0]], "reference": [[-1.0, -1.0]]}}, "has lengths .2., .* has .1."),
        (Judged, {"responses": {"policy": [[-1.0]]}, "labels": [1]}, "'responses' has no 'position_kl'"),
        (Listwise, {"responses": {"policy": [[-1.0]]}}, "field 'score' is missing"),
        (Listwise, {"responses": {"policy": [[-1.0]]}, "scores": ["high"]}, "'scores' is not a list of numbers"),
        (
            Listwise,
            {"responses": {"policy": [[-1.0]] * 2}, "groups": [[0, 0]], "scores": [[1.0, 2.0]]},
            "must name each response exactly once",
        ),
        (Listwise, {"responses": {"policy": [[-1.0]] * 2}, "groups": [[0, 1]], "scores": [[1.0]]}, "different lengths"),
        (
            Several,
            {"chosen": {"policy": [[-1.0]]}, "rejected": {"policy": [[-1.0]]}},
            "'rejected' is dict.*list of views",
        ),
    ],
)
def test_wrong_inputs_are_named_with_the_form_expected(objective: Any, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        evaluate(objective, {}, PAIR | changes)


def test_a_missing_view_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"view 'rejected' is missing from the inputs .'chosen'."):
        evaluate("dpo", {}, {"chosen": PAIR["chosen"]})
