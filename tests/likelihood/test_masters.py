"""Masters: float32 weights in training, the same frozen copy with half the memory, and the stored type at the end."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import torch
from torch import nn

from families import FALLBACK, FAMILIES, VOCABULARY, tiny_model
from forest.trees import random_trees
from penchant.forest import build_forest
from penchant.likelihood import CausalScorer
from penchant.likelihood.masters import as_stored, make_masters, without_stored
from penchant.likelihood.number_types import forward_type

FOREST = build_forest(*random_trees(0, VOCABULARY))


def size_of(model: nn.Module) -> int:
    """Bytes of all weights."""
    return sum(weight.numel() * weight.element_size() for weight in model.parameters())


@pytest.mark.parametrize("forward", [None, "bfloat16"])
@pytest.mark.parametrize("family", [*FAMILIES, *FALLBACK])
def test_the_frozen_copy_equals_the_policy_exactly_and_takes_less_memory(family: str, forward: str | None) -> None:
    policy = tiny_model(family).to(torch.bfloat16)
    make_masters(policy)
    scorer = CausalScorer(policy)
    reference: Any = scorer.reference("initial", precision=forward)
    regime = torch.autocast("cpu", dtype=torch.bfloat16) if forward else contextlib.nullcontext()
    with torch.no_grad(), regime:
        assert torch.equal(scorer.score(FOREST)["logps"], reference.score(FOREST).logps)
    assert size_of(reference.frozen) < 0.7 * size_of(policy)
    without_stored(reference.frozen)
    assert dict(reference.frozen.named_parameters()).keys() == dict(policy.named_parameters()).keys()
    assert {weight.dtype for weight in reference.frozen.parameters()} == {torch.float32}
    reference.close()
    scorer.close()


def test_masters_keep_small_steps_and_are_rounded_to_the_stored_type() -> None:
    model = nn.Linear(8, 8).to(torch.bfloat16)
    with torch.no_grad():
        model.weight.fill_(1.0)
    make_masters(model)
    with torch.no_grad():
        for _ in range(100):
            model.weight.sub_(1e-4)  # 1 − 1e-4 is 1 in bfloat16
    assert model.weight.dtype == torch.float32 and torch.allclose(model.weight, torch.tensor(0.99))
    assert as_stored(model) == pytest.approx((1 - 0.98828125) / 0.01, rel=1e-3)
    assert model.weight.dtype == torch.bfloat16 and torch.all(model.weight == torch.tensor(0.99).bfloat16())


def test_rounding_says_how_much_of_the_training_it_keeps() -> None:
    for step, kept in ((1e-3, 0.0), (0.25, 1.0), (0.0, 1.0)):
        model = nn.Linear(8, 8).to(torch.bfloat16)
        with torch.no_grad():
            model.weight.fill_(1.0)
        make_masters(model)
        with torch.no_grad():
            model.weight.add_(step)
        assert as_stored(model) == kept


def test_float32_weights_stay_the_same_objects() -> None:
    model = tiny_model("llama")
    before = [weight.data_ptr() for weight in model.parameters()]
    make_masters(model)
    assert as_stored(model) == 1.0 and [weight.data_ptr() for weight in model.parameters()] == before


@pytest.mark.parametrize(
    ("stored", "weights", "precision", "device", "expected"),
    [
        ("bfloat16", "float32", None, "cuda", "bfloat16"),
        ("float16", "float32", None, "cuda", "float16"),
        ("bfloat16", "float32", None, "cpu", None),
        ("bfloat16", "float32", "bfloat16", "cpu", "bfloat16"),
        ("bfloat16", "float32", "float32", "cuda", None),
        ("bfloat16", "stored", None, "cuda", None),
        ("float32", "float32", None, "cuda", None),
        ("float32", "float32", "float16", "cpu", None),
    ],
)
def test_the_forward_pass_has_the_stored_type_on_a_gpu(
    stored: str, weights: str, precision: str | None, device: str, expected: str | None
) -> None:
    assert forward_type(stored, weights, precision, torch.device(device)) == expected
