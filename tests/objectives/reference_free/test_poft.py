"""PoFT: the properties that its method sheet lists."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from objectives.ratios import with_tokens
from penchant.errors import ConfigurationError
from penchant.objectives import build

RESPONSES = st.lists(st.floats(-8.0, -0.01), min_size=1, max_size=6)
MODELS = st.lists(st.floats(-6.0, -0.1), min_size=1, max_size=4)


@given(RESPONSES, MODELS)
def test_the_gradient_is_that_of_the_likelihood_times_how_likely_the_aligned_models_find_it(
    tokens: list[float], models: list[float]
) -> None:
    view, sources = with_tokens(tokens), torch.tensor([models], dtype=torch.float64)
    (slope,) = torch.autograd.grad(build("poft")(chosen=view, chosen_sources=sources).values.sum(), view.policy)
    lead = sum(tokens) / len(tokens) - sum(models) / len(models)
    weight = 1 / (1 + math.exp(lead))
    assert slope.flatten().tolist() == pytest.approx([-weight / len(tokens)] * len(tokens), rel=1e-9)


def test_far_below_the_aligned_models_it_is_supervised_fine_tuning_and_level_with_them_one_bit() -> None:
    view = with_tokens([-50.0, -70.0])
    (slope,) = torch.autograd.grad(
        build("poft")(chosen=view, chosen_sources=torch.tensor([[-1.0]])).values.sum(), view.policy
    )
    assert slope.flatten().tolist() == pytest.approx([-0.5, -0.5])
    level = build("poft")(chosen=with_tokens([-1.0, -3.0]), chosen_sources=torch.tensor([[-1.0, -3.0]]))
    assert level.values.tolist() == pytest.approx([math.log(2)])
    with pytest.raises(ConfigurationError, match="one number per aligned model"):
        build("poft")(chosen=view, chosen_sources=torch.tensor([-1.0]))
