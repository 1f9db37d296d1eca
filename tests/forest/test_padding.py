"""Ghost tokens at the end of a forest change no log-probability and no gradient."""

from __future__ import annotations

import pytest
import torch

from families import FAMILIES, VOCABULARY, tiny_model
from forest.trees import random_trees
from penchant.forest import Forest, build_forest
from penchant.forest.padding import padded
from penchant.likelihood import CausalScorer


def results(family: str, attention: str, forest: Forest) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Log-probabilities and gradients of a forest's targets in float32."""
    scorer = CausalScorer(tiny_model(family), attention)
    logps = scorer.score(forest)["logps"]
    logps.sum().backward()
    gradients = {name: p.grad for name, p in scorer.model.named_parameters() if p.grad is not None}
    scorer.close()
    return logps.detach(), gradients


@pytest.mark.parametrize("attention", ["segments", "dense"])
@pytest.mark.parametrize("family", ["llama", "mistral-sliding", "gpt-neox"])
def test_a_padded_forest_has_the_numbers_and_gradients_of_the_forest(family: str, attention: str) -> None:
    assert family in FAMILIES
    forest = build_forest(*random_trees(1, VOCABULARY))
    longer = padded(forest, forest.tokens + 7)
    assert longer.tokens == forest.tokens + 7
    plain, gradients = results(family, attention, forest)
    filled, others = results(family, attention, longer)
    assert torch.allclose(plain, filled, atol=1e-5)
    assert gradients.keys() == others.keys()
    for name, gradient in gradients.items():
        assert torch.allclose(gradient, others[name], atol=1e-4), name


def test_ghosts_are_a_tree_of_their_own_and_no_targets() -> None:
    forest = build_forest(*random_trees(2, VOCABULARY))
    longer = padded(forest, 64)
    seen, size = longer.may_attend(), forest.tokens
    assert longer.tokens % 64 == 0 and longer.tokens > size
    assert torch.equal(seen[:size, :size], forest.may_attend())
    assert not seen[:size, size:].any() and not seen[size:, :size].any()
    assert torch.equal(longer.targets, forest.targets) and torch.equal(longer.predict_from, forest.predict_from)
    assert padded(longer, 64) is longer
