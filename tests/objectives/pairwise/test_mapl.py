"""MAPL: its terms, the examples that lack them, and its prompts from records."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from families import tiny_model
from forest.words import renderer
from penchant.errors import DataError
from penchant.feedback import read
from penchant.forest import Encoder, collate
from penchant.likelihood import CausalScorer, build_reference
from penchant.objectives import build, evaluate

RATIO = st.floats(-5.0, 5.0)
ROWS: list[dict[str, Any]] = [
    {"prompt": "the cat", "chosen": " sat on the dog", "rejected": " ran"},
    {
        "prompt": "a dog",
        "chosen": " ran",
        "rejected": " sat",
        "matching_prompt": "the dog",
        "altered_prompt": "the cat",
    },
    {"prompt": "a cat", "chosen": " sat down", "rejected": " sat", "extended_prompt": "a cat and a dog"},
]


def view(ratio: float) -> dict[str, Any]:
    return {"policy": [[-9.0 + ratio]], "reference": [[-9.0]]}


@given(RATIO, RATIO, RATIO, RATIO, RATIO)
def test_terms_vanish_with_their_weights_and_see_differences_alone(
    better: float, worse: float, matching: float, extended: float, shift: float
) -> None:
    base = {"chosen": view(better), "rejected": view(worse)}
    whole = {
        **base,
        "chosen_matching": view(matching),
        "chosen_altered": view(matching + shift),
        "chosen_extended": view(extended),
        "rejected_extended": view(extended - (better - worse)),
    }
    dpo = evaluate("dpo", {}, base)["losses"][0]
    found = evaluate("mapl", {}, whole)
    assert found["intra_loss"][0] == pytest.approx(math.log1p(math.exp(0.1 * shift)))
    assert found["inter_loss"][0] == pytest.approx(math.log(2)), "the margins of both pairs are equal"
    assert found["losses"][0] == pytest.approx(dpo + found["intra_loss"][0] + math.log(2))
    off = evaluate("mapl", {"intra_weight": 0.0, "inter_weight": 0.0}, whole)
    assert off["losses"] == pytest.approx([dpo]) == evaluate("mapl", {}, base)["losses"]


def test_each_example_has_the_terms_that_its_record_has_fields_for() -> None:
    objective = build("mapl", beta=0.5)
    wanted = objective.requirements
    encoder = Encoder(renderer(), wanted.views, wanted.fields, optional=wanted.optional)
    scorer, base = CausalScorer(tiny_model("llama")), CausalScorer(tiny_model("llama", seed=1))
    reference = build_reference("initial", base)

    def found(rows: list[dict[str, Any]]) -> Any:
        batch = collate(encoder.encode(read(rows).records).examples)
        return objective.compute(scorer.score_batch(batch, reference, wanted.needs))

    together = found(ROWS)
    assert [bool(each) for each in together.statistics["intra_loss"]] == [False, True, False]
    assert [bool(each) for each in together.statistics["inter_loss"]] == [False, False, True]
    apart = torch.cat([found([row]).values for row in ROWS])
    torch.testing.assert_close(together.values, apart, atol=1e-5, rtol=1e-5)


def test_half_of_a_contrast_is_an_error_that_names_the_other_half() -> None:
    wanted = build("mapl").requirements
    encoder = Encoder(renderer(), wanted.views, wanted.fields, optional=wanted.optional)
    half = {name: value for name, value in ROWS[1].items() if name != "altered_prompt"}
    with pytest.raises(DataError, match=r"'altered_prompt' is missing.*'matching_prompt'.*penchant data build prompts"):
        encoder.encode(read([half]).records)
    with pytest.raises(DataError, match=r"'extended_prompt' is '7', expected a text.*penchant data build prompts"):
        encoder.encode(read([{**ROWS[2], "extended_prompt": 7}]).records)


def test_a_view_that_is_required_names_its_field() -> None:
    with pytest.raises(DataError, match=r"needs the field 'matching_prompt'.*penchant data build prompts"):
        Encoder(renderer(), ["chosen_matching"]).encode(read(ROWS[:1]).records)
