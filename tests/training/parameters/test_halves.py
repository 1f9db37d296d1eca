"""The published rule of half fine-tuning, on names alone."""

from __future__ import annotations

import random
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penchant.training.parameters.halves import Level, chosen_units

SIZES = {"attention": 4, "feed-forward": 3, "norm": 2}
COUNTS = st.integers(1, 13)


def model(layers: int) -> list[dict[str, list[tuple[str, ...]]]]:
    return [
        {kind: [(f"{layer}.{kind}.{place}",) for place in range(size)] for kind, size in SIZES.items()}
        for layer in range(layers)
    ]


def moving(found: set[str], layer: int, kind: str) -> int:
    return sum(name.startswith(f"{layer}.{kind}.") for name in found)


@given(COUNTS, st.integers(0, 99))
def test_of_each_layer_two_attention_matrices_one_norm_and_one_or_two_of_three_move(layers: int, seed: int) -> None:
    found = chosen_units(model(layers), "category", 0.5, random.Random(seed))
    assert all(moving(found, layer, "attention") == 2 for layer in range(layers))
    assert all(moving(found, layer, "norm") == 1 for layer in range(layers))
    counts = [moving(found, layer, "feed-forward") for layer in range(layers)]
    assert set(counts) <= {1, 2} and abs(counts.count(2) - counts.count(1)) <= 1


@pytest.mark.parametrize("level", get_args(Level))
@given(COUNTS, st.integers(0, 99), st.floats(0.05, 0.95))
def test_the_share_is_right_within_a_matrix_of_each_kind_and_follows_the_seed(
    level: Level, layers: int, seed: int, ratio: float
) -> None:
    every = model(layers)
    found = chosen_units(every, level, ratio, random.Random(seed))
    assert found == chosen_units(every, level, ratio, random.Random(seed))
    step = {"category": 0.5 * len(SIZES), "layer": 0.5 * sum(SIZES.values()), "model": 0.5}[level]
    assert abs(len(found) - ratio * layers * sum(SIZES.values())) <= step + 1e-9
