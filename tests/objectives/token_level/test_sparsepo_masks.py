"""Properties of SparsePO's masks, learned and from activations, and settings that no mask can have."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from objectives.drawing import random_inputs
from penchant.errors import ConfigurationError
from penchant.objectives import build
from penchant.objectives.functional.token_masks import LayerMask, rescaled_means

SIZES = st.integers(1, 5)


def states(seed: int, tokens: int, layers: int, width: int, scale: float = 1.0) -> Tensor:
    drawn = torch.randn(2, tokens, layers, width, generator=torch.Generator().manual_seed(seed), dtype=torch.double)
    return scale * drawn


def network(layers: int, width: int, seed: int, last: bool = False) -> LayerMask:
    mask = LayerMask(last, number=seed).double()
    mask.bind(width, layers)
    return mask


@given(st.integers(0, 99), SIZES, SIZES, st.integers(2, 5), st.booleans(), st.floats(0.01, 100))
def test_a_learned_mask_is_never_negative_and_reads_each_token_alone(
    seed: int, tokens: int, layers: int, width: int, last: bool, scale: float
) -> None:
    mask, read = network(layers, width, seed, last), states(seed, tokens, layers, width, scale)
    found = mask(read)
    assert found.shape == (2, tokens) and bool((found >= 0).all()) and bool(found.isfinite().all())
    order = torch.randperm(tokens, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(mask(read[:, order]), found[:, order])
    torch.testing.assert_close(mask(read[:, :1]), found[:, :1])


@given(st.integers(0, 99), st.integers(2, 6), SIZES, SIZES, st.integers(1, 4))
def test_a_mask_from_activations_is_a_share_and_does_not_see_padding(
    seed: int, tokens: int, layers: int, kinds: int, padding: int
) -> None:
    means = states(seed, tokens, layers, kinds)
    here = torch.ones(2, tokens, dtype=torch.bool)
    found = rescaled_means(means, here)
    assert bool((found >= 0).all()) and bool((found <= 1 + 1e-12).all())
    if layers == kinds == 1:
        assert found.amin(1).tolist() == [0.0, 0.0] and found.amax(1).tolist() == [1.0, 1.0]
    longer = torch.cat([means, states(seed + 1, padding, layers, kinds, 50.0)], 1)
    more = torch.cat([here, torch.zeros(2, padding, dtype=torch.bool)], 1)
    torch.testing.assert_close(rescaled_means(longer, more)[:, :tokens], found)
    assert bool((rescaled_means(longer, more)[:, tokens:] == 0).all())


@given(st.integers(0, 99), st.booleans())
def test_what_is_reported_is_the_share_of_zeros_among_the_tokens(seed: int, common: bool) -> None:
    objective = build("sparsepo", common_mask=common)
    inputs = random_inputs(objective, seed=seed)
    facts = objective(**inputs).statistics
    for side in ("chosen", "rejected"):
        masks, here = objective.masks(inputs[side]).reward, inputs[side].mask
        zeros = torch.tensor([float((row[seen] == 0).double().mean()) for row, seen in zip(masks, here, strict=True)])
        torch.testing.assert_close(facts[f"sparsity/{side}"].double(), zeros.double())
        assert bool(((facts[f"sparsity/{side}"] >= 0) & (facts[f"sparsity/{side}"] <= 1)).all())


@pytest.mark.parametrize("name", ["sparsepo", "sparsepo-mapo"])
@pytest.mark.parametrize(
    "settings", [{"beta": 0.0}, {"l1_reward": -0.1}, {"l1_kl": -1.0}, {"l1_reward": math.nan}, {"layers": "first"}]
)
def test_settings_that_no_mask_can_have_are_refused(name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(settings))):
        build(name, **settings)
