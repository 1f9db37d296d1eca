"""DOVE: instructions that cancel, instructions that count, and records of both kinds from text to loss."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from families import tiny_model
from forest.words import renderer
from penchant.errors import DataError
from penchant.feedback import Demonstration, JointComparison, read
from penchant.forest import Encoder, collate
from penchant.likelihood import CausalScorer, build_reference
from penchant.objectives import build, evaluate

ROWS = [
    {"prompt": "the cat", "chosen": " sat on the dog", "rejected": " ran"},
    {"prompt": "a dog and a cat", "chosen": " ran", "rejected": " sat down"},
]
TOKENS = st.lists(st.floats(-8.0, 0.0), min_size=1, max_size=4)


def losses(name: str, rows: list[dict[str, Any]], **hyper: Any) -> torch.Tensor:
    """From rows of text to losses, under a model and another as its reference."""
    objective = build(name, **hyper)
    wanted = objective.requirements
    batch = collate(Encoder(renderer(), wanted.views, wanted.fields).encode(read(rows).records).examples)
    scorer, base = CausalScorer(tiny_model("llama")), CausalScorer(tiny_model("llama", seed=1))
    return objective.compute(scorer.score_batch(batch, build_reference("initial", base), wanted.needs)).values


def test_on_plain_comparisons_it_is_dpo_from_text_to_loss() -> None:
    expected = losses("dpo", ROWS, beta=0.5)
    torch.testing.assert_close(losses("dove", ROWS, beta=0.5), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(losses("dove", ROWS, beta=0.5, joint=False), expected)


def test_instructions_that_differ_count_and_without_joint_they_do_not() -> None:
    apart = [{**row, "rejected_prompt": "the dog and the cat"} for row in ROWS]
    joint, conditional = losses("dove", apart), losses("dove", apart, joint=False)
    assert (joint - conditional).abs().min() > 1e-3
    # The rejected response under its own instruction is what a demonstration of it would be scored as.
    (record,) = read(apart[:1])
    assert isinstance(record, JointComparison)
    alone = Demonstration(prompt=record.rejected_prompt, completion=record.rejected)
    encoded = Encoder(renderer(), ["rejected"]).encode([record]).examples[0].views["rejected"]
    assert encoded == Encoder(renderer(), ["chosen"]).encode([alone]).examples[0].views["chosen"]


@given(TOKENS, TOKENS, TOKENS, TOKENS)
def test_the_gradient_is_the_same_on_instruction_and_response(
    first: list[float], better: list[float], second: list[float], worse: list[float]
) -> None:
    def side(prompt: list[float], response: list[float]) -> dict[str, Any]:
        zero = {"reference": [[-1.0] * len(response)], "prompt_reference": [[-1.0] * len(prompt)]}
        return {"policy": [response], "prompt_policy": [prompt], **zero}

    inputs = {"chosen": side(first, better), "rejected": side(second, worse)}
    told = evaluate("dove", {"beta": 0.3}, inputs)["grad"]
    margin = 0.3 * (sum(first + better) + len(first + better) - sum(second + worse) - len(second + worse))
    slope = 0.3 / (1 + torch.tensor(margin, dtype=torch.double).exp().item())
    assert told["chosen.prompt_policy"] == [pytest.approx([-slope] * len(first))]
    assert told["chosen.policy"] == [pytest.approx([-slope] * len(better))]
    assert told["rejected.prompt_policy"] == [pytest.approx([slope] * len(second))]
    assert told["rejected.policy"] == [pytest.approx([slope] * len(worse))]
    bare = {name: {"policy": side["policy"], "reference": side["reference"]} for name, side in inputs.items()}
    without = evaluate("dove", {"beta": 0.3, "joint": False}, inputs)
    assert without == evaluate("dpo", {"beta": 0.3}, bare)


def test_a_pair_that_becomes_identical_is_left_out() -> None:
    same = [*ROWS, {"prompt": "the", "chosen": " cat sat", "rejected": " cat  sat"}]
    assert len(losses("dove", same)) == 2


def test_other_kinds_of_feedback_are_refused() -> None:
    with pytest.raises(DataError, match=r"cannot supply the view '(chosen|rejected)_joint'"):
        Encoder(renderer(), ["chosen_joint", "rejected_joint"]).encode(
            read([{"prompt": "the", "completion": " cat", "label": True}]).records
        )
