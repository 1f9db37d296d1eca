"""TAB-PO and RRPO: where tokens count, and the limits in which both are DPO."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import penchant
from objectives.drawing import random_inputs
from penchant.errors import DataError
from penchant.feedback import read
from penchant.forest import Encoder
from penchant.objectives import Scored, build
from penchant.objectives.functional.pairs import logistic, logratio_margin
from penchant.rendering import Renderer, Truncation
from small_runs import losses, model_folder, word_tokenizer

RUN: dict[str, Any] = {"device": "cpu", "chat_template": "plain", "samples": 0, "batch_size": 3, "max_steps": 3}
PAIR = {"prompt": "which colour", "chosen": "the car is red", "rejected": "the hat is old"}


def drawn(name: str, **hyper: Any) -> tuple[Any, dict[str, Any]]:
    objective = build(name, **hyper)
    return objective, random_inputs(objective, seed=5)


def gradient(values: Tensor, view: Scored) -> Tensor:
    [found] = torch.autograd.grad(values.sum(), [view.policy], retain_graph=True)
    return torch.where(view.mask, found, 0.0)


def test_tab_po_with_equal_weights_and_no_barrier_is_dpo_on_means() -> None:
    objective, inputs = drawn("tab-po", barrier_weight=0.0, difference_weight=1.0)
    for side in ("chosen", "rejected"):
        inputs[f"{side}_token_weights"] = torch.full_like(inputs[f"{side}_token_weights"], 3.0)
    expected = logistic(0.5 * logratio_margin(inputs["chosen"], inputs["rejected"], average=True))
    torch.testing.assert_close(objective(**inputs).values, expected)


def test_only_ratios_of_weights_matter() -> None:
    objective, inputs = drawn("tab-po")
    scaled = {name: each * 7 if name.endswith("token_weights") else each for name, each in inputs.items()}
    torch.testing.assert_close(objective(**inputs).values, objective(**scaled).values)


def test_the_barrier_holds_only_what_is_less_likely_than_its_threshold() -> None:
    _, inputs = drawn("tab-po")
    with_barrier, without = (build("tab-po", prob_threshold=0.3, barrier_weight=each) for each in (1.0, 0.0))
    extra = with_barrier(**inputs).values - without(**inputs).values
    chosen = inputs["chosen"]
    held = chosen.mask & (chosen.policy < math.log(0.3))
    found = gradient(extra, chosen)
    assert held.any() and (chosen.mask & ~held).any()
    assert (found[~held] == 0).all() and (found[held] < 0).all()
    none = build("tab-po", prob_threshold=1e-9, barrier_weight=1.0)(**inputs).values
    torch.testing.assert_close(none, without(**inputs).values)
    # A threshold of 1 holds every token: the mean negative log-likelihood under the weights.
    all_held = build("tab-po", prob_threshold=1.0, barrier_weight=1.0, difference_weight=1.0)(**inputs).values
    plain = build("tab-po", barrier_weight=0.0, difference_weight=1.0)(**inputs).values
    weights = torch.where(chosen.mask, inputs["chosen_token_weights"], 0.0)
    expected = -(weights * torch.where(chosen.mask, chosen.policy, 0.0)).sum(-1) / weights.sum(-1)
    torch.testing.assert_close(all_held - plain, expected)


def test_rrpo_with_every_token_in_a_phrase_is_dpo() -> None:
    objective, inputs = drawn("rrpo", alpha=0.0)
    for side in ("chosen", "rejected"):
        inputs[f"{side}_phrase_ids"] = torch.full_like(inputs[f"{side}_phrase_ids"], 2.0)
    expected = build("dpo")(chosen=inputs["chosen"], rejected=inputs["rejected"]).values
    torch.testing.assert_close(objective(**inputs).values, expected)


def test_rrpo_without_a_phrase_is_the_divergence_alone() -> None:
    objective, inputs = drawn("rrpo", alpha=0.3)
    for side in ("chosen", "rejected"):
        inputs[f"{side}_phrase_ids"] = torch.zeros_like(inputs[f"{side}_phrase_ids"])
    values, chosen = objective(**inputs).values, inputs["chosen"]
    torch.testing.assert_close(values, math.log(2) + 0.3 * chosen.stat("reference_kl").sum(-1))
    assert (gradient(values, chosen) == 0).all()


def test_tokens_outside_of_phrases_have_no_gradient_of_their_own() -> None:
    objective, inputs = drawn("rrpo")
    values = objective(**inputs).values
    for side in ("chosen", "rejected"):
        outside = inputs[side].mask & (inputs[f"{side}_phrase_ids"] == 0)
        assert outside.any() and (gradient(values, inputs[side])[outside] == 0).all()


def encode(row: dict[str, Any], name: str, truncation: Truncation | None = None) -> dict[str, Any]:
    wanted = build(name).requirements
    encoder = Encoder(Renderer(word_tokenizer()), wanted.views, wanted.fields, truncation)
    (example,) = encoder.encode(read([row])).examples
    return example.fields


def test_columns_become_one_number_for_each_token_with_the_end_token() -> None:
    row = {**PAIR, "chosen_spans": [["red", 1.2]], "rejected_token_weights": [1, 2, 1, 3, 0.5]}
    found = encode(row, "tab-po")
    assert found["chosen_token_weights"] == [[1.0, 1.0, 1.0, 1.2, 1.0]]
    assert found["rejected_token_weights"] == [[1.0, 2.0, 1.0, 3.0, 0.5]]
    assert found["chosen_differs"] == found["rejected_differs"] == [[0.0, 1.0, 0.0, 1.0, 0.0]]
    marked = {**PAIR, "chosen_marked": "the <MASK> car </MASK> is red", "rejected_phrases": [[4, 7], [11, 14]]}
    found = encode(marked, "rrpo")
    assert found == {"chosen_phrase_ids": [[0, 1, 0, 0, 0]], "rejected_phrase_ids": [[0, 1, 0, 2, 0]]}


def test_values_follow_what_truncation_left() -> None:
    row = {**PAIR, "chosen_spans": [["red", 1.2], ["car", 1.5]], "rejected_spans": []}
    found = encode(row, "tab-po", Truncation(5, "response_right"))
    assert found["chosen_token_weights"] == [[1.0, 1.5, 1.0]]


@pytest.mark.parametrize("name", ["tab-po", "rrpo"])
def test_pairs_of_different_lengths_train(name: str, tmp_path: Path) -> None:
    rows = [{**PAIR, "rejected": text, "chosen_spans": [["red", 1.2]], "rejected_spans": []} for text in ("a hat", "a")]
    rows = [{**row, "chosen_phrases": ["red"], "rejected_phrases": [[0, 1]]} for row in rows]
    penchant.train(str(model_folder(tmp_path / "model")), rows, name, tmp_path / "run", **RUN)
    told = losses(tmp_path / "run")
    assert len(told) == 3 and told[-1] < told[0]


def test_a_record_without_weights_names_the_builder() -> None:
    with pytest.raises(DataError, match="penchant data build spans"):
        encode(PAIR, "tab-po")


def test_records_whose_spans_do_not_fit_are_skipped_if_asked() -> None:
    wanted = build("rrpo").requirements
    rows = [{**PAIR, "chosen_phrases": [text], "rejected_phrases": []} for text in ("red", "blue")]
    encoder = Encoder(Renderer(word_tokenizer()), wanted.views, wanted.fields, on_bad="skip")
    assert len(encoder.encode(read(rows)).examples) == 1
