"""Objectives with rationales: what the reason adds, what it leaves alone, and how it comes from text."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from families import tiny_model
from forest.words import renderer
from penchant.errors import DataError
from penchant.feedback import read
from penchant.feedback.rationale import rationale_prompt
from penchant.forest import Encoder, collate
from penchant.likelihood import CausalScorer, build_reference
from penchant.objectives import build, evaluate

NAMES = ["rationale-dpo", "rationale-orpo", "rationale-orpo-simple"]
ROWS = [
    {"prompt": "the cat", "chosen": " sat on the dog", "rejected": " ran", "rationale": "the dog sat down"},
    {"prompt": "a dog and a cat", "chosen": " ran", "rejected": " sat down", "rationale": "a cat ran"},
]
TOKENS = st.lists(st.floats(-6.0, -0.01), min_size=1, max_size=4)


def inputs(chosen: list[float], rejected: list[float], rationale: list[float]) -> dict[str, Any]:
    told = {"chosen": chosen, "rejected": rejected, "rationale": rationale}
    views: dict[str, Any] = {name: {"policy": [row]} for name, row in told.items()}
    for name in ("chosen", "rejected"):
        views[name]["reference"] = [[-1.0] * len(told[name])]
    return views


@given(TOKENS, TOKENS, TOKENS)
def test_the_reason_is_a_term_of_its_own(chosen: list[float], rejected: list[float], rationale: list[float]) -> None:
    views = inputs(chosen, rejected, rationale)
    dpo = evaluate("dpo", {}, views)
    none = evaluate("rationale-dpo", {"gamma": 0.0}, views)
    assert none["losses"][0] == pytest.approx(dpo["losses"][0] + torch.log(torch.tensor(2.0)).item(), abs=1e-6)
    full = evaluate("rationale-dpo", {"gamma": 0.2}, views)
    for side in ("chosen.policy", "rejected.policy"):
        assert full["grad"][side] == dpo["grad"][side]
    slope = 0.2 * torch.sigmoid(torch.tensor(-0.2 * sum(rationale), dtype=torch.double)).item()
    assert full["grad"]["rationale.policy"] == [pytest.approx([-slope] * len(rationale))]
    plain = evaluate("rationale-dpo-nll", {"gamma": 0.2}, views)
    assert plain["losses"][0] == pytest.approx(dpo["losses"][0] - 0.2 * sum(rationale))
    assert plain["grad"]["rationale.policy"] == [pytest.approx([-0.2] * len(rationale))]


@given(TOKENS, TOKENS, TOKENS)
def test_published_numbers_of_the_odds_forms_are_what_is_subtracted(
    chosen: list[float], rejected: list[float], rationale: list[float]
) -> None:
    views = inputs(chosen, rejected, rationale)
    mean = [torch.tensor(each, dtype=torch.double).mean() for each in (chosen, rejected, rationale)]
    odds = [each - torch.log1p(-each.exp()) for each in mean[:2]]
    ratio = torch.nn.functional.logsigmoid(odds[0] - odds[1])
    told = {"rationale-orpo": torch.nn.functional.logsigmoid(0.3 * mean[2]), "rationale-orpo-simple": 0.3 * mean[2]}
    for name, reason in told.items():
        found = evaluate(name, {"beta": 0.1, "gamma": 0.3}, views)
        assert found["losses"] == pytest.approx([float(0.1 * ratio + reason)], abs=1e-9)
        assert all(each <= 1e-12 for each in found["grad"]["rejected.policy"][0])
        assert all(each > 0 for each in found["grad"]["rationale.policy"][0])
        plain = {side: torch.tensor([row["policy"][0]], dtype=torch.double) for side, row in views.items()}
        loss = build(name, beta=0.1, gamma=0.3)(**{side: _scored(row) for side, row in plain.items()}).values
        assert loss.item() == pytest.approx(-float(mean[0]) - found["losses"][0])


def _scored(policy: torch.Tensor) -> Any:
    from penchant.objectives import Scored

    return Scored(policy, None, torch.ones_like(policy) > 0)


@pytest.mark.parametrize("name", NAMES)
def test_from_text_to_loss_without_a_reference_of_the_rationale(name: str) -> None:
    objective = build(name)
    wanted = objective.requirements
    examples = Encoder(renderer(), wanted.views, wanted.fields).encode(read(ROWS).records).examples
    record = read(ROWS)[0]
    question = rationale_prompt(record)  # type: ignore[arg-type]
    assert list(examples[0].views["rationale"][0].prompt) == renderer().prompt_ids(question)
    base = build_reference("initial", CausalScorer(tiny_model("llama", seed=1)))
    asked: list[int] = []
    score = base.score

    def watched(forest: Any, **options: Any) -> Any:
        asked.append(len(forest.sequences))
        return score(forest, **options)

    base.score = watched  # type: ignore[method-assign]
    scorer = CausalScorer(tiny_model("llama"))
    views = scorer.score_batch(collate(examples), base, wanted.needs)
    assert views["rationale"].reference is None
    assert torch.isfinite(objective.compute(views).values).all()
    if name == "rationale-dpo":
        assert asked == [4], "the reference reads the responses alone"
        pairs = ("chosen", "rejected")
        alone = collate(Encoder(renderer(), pairs).encode(read(ROWS).records).examples)
        for view, expected in scorer.score_batch(alone, base, wanted.needs).items():
            torch.testing.assert_close(views[view].reference, expected.reference, atol=1e-5, rtol=0)
            torch.testing.assert_close(views[view].policy, expected.policy, atol=1e-5, rtol=0)
    else:
        assert asked == []


def test_in_a_sum_the_reference_is_spared_only_where_nobody_asks_for_it() -> None:
    both = build("rationale-dpo") + build("dpo")
    assert not both.requirements.needs.reference_of("rationale") and both.requirements.needs.reference_of("chosen")
    assert not (build("dpo") + build("rationale-dpo")).needs.reference_of("rationale")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, r"needs the field 'rationale', which this record does not have.*penchant data build rationale"),
        (" ", r"'rationale' is ' ', expected a text or messages.*penchant data build rationale"),
        (3, r"'rationale' is '3', expected a text"),
    ],
)
def test_a_missing_rationale_is_named_with_the_way_to_write_it(value: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        Encoder(renderer(), ["rationale"]).encode(read([{**ROWS[0], "rationale": value}]).records)


def test_two_prompts_have_no_common_question() -> None:
    with pytest.raises(DataError, match=r"cannot supply the view 'rationale'.*two responses to one prompt"):
        Encoder(renderer(), ["rationale"]).encode(read([{**ROWS[0], "rejected_prompt": "a dog"}]).records)
