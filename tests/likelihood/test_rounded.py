"""A frozen copy keeps its matrices as autocast rounds them: same numbers, less memory."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from families import FALLBACK, FAMILIES, VOCABULARY, tiny_model
from forest.trees import random_trees
from penchant.forest import build_forest
from penchant.likelihood import CausalScorer
from penchant.likelihood.references.rounded import keep_rounded

FOREST = build_forest(*random_trees(0, VOCABULARY))


def size_of(model: torch.nn.Module) -> int:
    """Bytes of all weights."""
    return sum(weight.numel() * weight.element_size() for weight in model.parameters())


@pytest.mark.parametrize("family", [*FAMILIES, *FALLBACK])
def test_a_rounded_copy_scores_the_same(family: str) -> None:
    scorer = CausalScorer(tiny_model(family))
    reference: Any = scorer.reference("initial", precision="bfloat16")
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        before = reference.score(FOREST).logps
        whole = size_of(reference.frozen)
        freed = keep_rounded(reference.frozen, "bfloat16")
        assert torch.equal(reference.score(FOREST).logps, before)
        assert torch.equal(scorer.score(FOREST)["logps"], before)
    assert freed == whole - size_of(reference.frozen)
    # GPT-2's matrices are no linear layers.
    assert freed > 0 or family in ("gpt2", "gpt_bigcode")
    reference.close()
    scorer.close()


def test_nothing_is_rounded_without_autocast_and_nothing_where_a_layer_may_do_more() -> None:
    class Squared(torch.nn.Linear):
        def forward(self, given: torch.Tensor) -> torch.Tensor:
            return super().forward(given) + self.weight.square().sum()

    layers = torch.nn.Sequential(torch.nn.Linear(4, 4), Squared(4, 4))
    assert keep_rounded(layers, None) == 0 and keep_rounded(None, "bfloat16") == 0
    assert keep_rounded(layers, "bfloat16") == 4 * 4 * 2
    assert [part.weight.dtype for part in layers] == [torch.bfloat16, torch.float32]
