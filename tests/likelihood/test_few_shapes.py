"""In bfloat16 on a CPU, batches of many lengths become few shapes, and the numbers stay close to float32."""

from __future__ import annotations

import os

import pytest
import torch

from families import VOCABULARY, tiny_model
from forest.trees import random_trees
from penchant.forest import build_forest
from penchant.likelihood import CausalScorer
from penchant.likelihood.few_shapes import CAPACITIES, KEPT, few_lengths, few_rows, keep_few_products

FORESTS = [build_forest(*random_trees(seed, VOCABULARY)) for seed in range(4)]


def shapes_of(scorer: CausalScorer) -> set[int]:
    """Numbers of rows that the layers and the output head see over all forests."""
    seen: set[int] = set()
    hooks = [
        module.register_forward_hook(lambda _module, given, _out: seen.add(given[0].numel() // given[0].shape[-1]))
        for module in scorer.core.modules()
        if isinstance(module, torch.nn.Linear)
    ]
    for forest in FORESTS:
        scorer.score(forest)
    for hook in hooks:
        hook.remove()
    return seen


def test_all_products_of_bfloat16_have_multiples_of_64_rows_and_those_of_float32_none_more() -> None:
    scorer = CausalScorer(tiny_model("llama"))
    assert {forest.tokens for forest in FORESTS} <= shapes_of(scorer)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert {rows % 64 for rows in shapes_of(scorer)} == {0}
    scorer.close()


def test_policy_and_frozen_reference_are_equal_and_close_to_float32() -> None:
    scorer = CausalScorer(tiny_model("llama"))
    reference = scorer.reference("initial", precision="bfloat16")
    for forest in FORESTS:
        with torch.no_grad():
            exact = scorer.score(forest)["logps"]
            with torch.autocast("cpu", dtype=torch.bfloat16):
                rounded = scorer.score(forest, stats=["entropy"])
                assert torch.equal(scorer.score(forest)["logps"], reference.score(forest).logps)
        assert rounded["logps"].shape == rounded["entropy"].shape == forest.targets.shape
        assert torch.allclose(exact, rounded["logps"], atol=5e-2)
    reference.close()
    scorer.close()


def test_float32_keeps_its_lengths() -> None:
    assert few_lengths(FORESTS[0], torch.zeros(1)) is FORESTS[0]
    rows = torch.zeros(5, 3)
    assert few_rows(rows) is rows and few_rows(rows.bfloat16()).shape == (64, 3)


def test_a_capacity_in_the_environment_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CAPACITIES[0], "7")
    monkeypatch.delenv(CAPACITIES[1], raising=False)
    keep_few_products.cache_clear()
    keep_few_products()
    assert os.environ[CAPACITIES[0]] == "7" and os.environ[CAPACITIES[1]] == KEPT
