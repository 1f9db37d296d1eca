"""WPO: what its weight is, where it is one, and that nothing flows through it."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.drawing import random_inputs
from penchant.objectives import DPO, Scored, build
from penchant.objectives.token_level.wpo import pair_weight

SEEDS = st.integers(0, 10_000)
FEW = settings(max_examples=25)
ALIGNMENTS = st.sampled_from(["sampled", "none", "greedy"])


def inputs_for(alignment: str, seed: int) -> dict[str, Any]:
    return random_inputs(build("wpo", alignment=alignment), seed)


def uniform(words: int, length: int) -> Scored:
    """A response of a policy that takes every word for equally likely."""
    policy = torch.full((1, length), -math.log(words), dtype=torch.float64, requires_grad=True)
    share = torch.full((1, length), 1 / words, dtype=torch.float64)
    return Scored(policy, policy.detach() - 0.3, share > 0, stats={"sum_p2": share, "max_p": share})


@FEW
@given(st.integers(1, 50_000), st.integers(1, 9), st.integers(1, 9))
def test_on_a_uniform_policy_the_weight_is_one_and_wpo_is_dpo(words: int, first: int, second: int) -> None:
    chosen, rejected = uniform(words, first), uniform(words, second)
    for alignment in ("sampled", "greedy"):
        result = build("wpo", beta=0.1, alignment=alignment)(chosen=chosen, rejected=rejected)
        torch.testing.assert_close(result.statistics["weight"], torch.ones(1, dtype=torch.float64))
        torch.testing.assert_close(result.values, DPO(beta=0.1)(chosen=chosen, rejected=rejected).values)


@FEW
@given(SEEDS, ALIGNMENTS)
def test_the_weight_lies_between_zero_and_one(seed: int, alignment: str) -> None:
    weight = pair_weight(**inputs_for(alignment, seed), alignment=alignment)
    assert ((weight > 0) & (weight <= 1)).all() and not weight.requires_grad


@pytest.mark.parametrize(("alignment", "expected"), [("sampled", 0.125), ("greedy", 0.1 / 0.6), ("none", 0.05)])
def test_the_weight_is_the_one_computed_by_hand(alignment: str, expected: float) -> None:
    def one(probability: float, collision: float, largest: float) -> Scored:
        stats = {name: torch.tensor([[value]]) for name, value in (("sum_p2", collision), ("max_p", largest))}
        return Scored(torch.tensor([[math.log(probability)]]), None, torch.tensor([[True]]), stats)

    chosen, rejected = one(0.1, 0.4, 0.6), one(0.5, 1.0, 0.5)
    assert pair_weight(chosen, rejected, alignment).item() == pytest.approx(expected)


@FEW
@given(SEEDS, ALIGNMENTS)
def test_the_gradient_is_the_weight_times_that_of_the_loss_inside(seed: int, alignment: str) -> None:
    inputs = inputs_for(alignment, seed)
    result = build("wpo", beta=0.3, alignment=alignment)(**inputs)
    for view in inputs.values():
        weighted, plain = (
            torch.autograd.grad(values.sum(), view.policy, retain_graph=True)[0]
            for values in (result.values, DPO(beta=0.3)(**inputs).values)
        )
        torch.testing.assert_close(weighted, result.statistics["weight"][:, None] * plain)


@FEW
@given(SEEDS, ALIGNMENTS, st.floats(0.0, 0.5))
def test_method_and_wrapper_agree(seed: int, alignment: str, rate: float) -> None:
    inputs = inputs_for(alignment, seed)
    method = build("wpo", beta=0.3, alignment=alignment, label_smoothing=rate)
    around = build("wpo-weighted(smoothed(dpo))", beta=0.3, alignment=alignment, label_smoothing=rate)
    assert around.requirements.needs == method.requirements.needs
    torch.testing.assert_close(around(**inputs).values, method(**inputs).values)


@pytest.mark.parametrize("inside", ["ipo", "slic-hinge", "tail-weighted(rdpo)"])
def test_any_loss_of_pairs_is_multiplied(inside: str) -> None:
    inputs = inputs_for("sampled", 5)
    result = build(f"wpo-weighted({inside})")(**inputs)
    torch.testing.assert_close(result.values, result.statistics["weight"] * build(inside)(**inputs).values)
    assert not build("wpo-weighted(dpo)", alignment="none").requirements.needs.stats
