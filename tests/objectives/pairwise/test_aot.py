"""Alignment by optimal transport: the properties that its method sheet lists."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from objectives.ratios import slopes, values, with_ratios
from penchant.objectives import build

NAMES = ["aot-paired", "aot-unpaired"]
NUMBERS = st.floats(-20.0, 20.0)
#: Log-ratios of chosen and rejected, and the reference's log-probabilities of both.
BATCHES = st.lists(st.tuples(NUMBERS, NUMBERS, st.floats(-60.0, 0.0), st.floats(-60.0, 0.0)), min_size=1, max_size=7)


def views(batch: list[tuple[float, ...]]) -> tuple[Any, Any]:
    """The batch's chosen and rejected responses."""
    chosen, rejected, good, bad = (list(column) for column in zip(*batch, strict=True))
    return with_ratios(chosen, good), with_ratios(rejected, bad)


@pytest.mark.parametrize("name", NAMES)
@given(batch=BATCHES, epsilon=st.floats(0.0, 0.4), data=st.data())
def test_the_order_of_the_batch_changes_no_loss_and_moves_each_gradient_with_its_pair(
    name: str, batch: list[tuple[float, ...]], epsilon: float, data: st.DataObject
) -> None:
    # Pairs that tie may trade places, and with them their gradients.
    margins = [(row[0] - row[1], row[0] + row[2] - row[1] - row[3], row[0], row[1]) for row in batch]
    if any(len({round(each, 6) for each in column}) < len(batch) for column in zip(*margins, strict=True)):
        return
    order = data.draw(st.permutations(range(len(batch))))
    mixed = [batch[place] for place in order]
    hyper = {"label_smoothing": epsilon}
    assert values(name, *views(mixed), **hyper) == pytest.approx(values(name, *views(batch), **hyper), rel=1e-12)
    for before, after in zip(slopes(name, *views(batch), **hyper), slopes(name, *views(mixed), **hyper), strict=True):
        assert [row[0] for row in after] == pytest.approx([before[place][0] for place in order], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", NAMES)
@given(NUMBERS, NUMBERS, st.floats(0.05, 1.0))
def test_a_batch_of_one_is_dpo(name: str, chosen: float, rejected: float, beta: float) -> None:
    pair = with_ratios([chosen]), with_ratios([rejected])
    assert values(name, *pair, beta=beta) == pytest.approx(values("dpo", *pair, beta=beta), rel=1e-9, abs=1e-12)
    for ours, dpo in zip(slopes(name, *pair, beta=beta), slopes("dpo", *pair, beta=beta), strict=True):
        assert ours[0] == pytest.approx(dpo[0], rel=1e-9, abs=1e-12)


@given(BATCHES, st.data())
def test_unpaired_does_not_see_which_responses_stand_together(
    batch: list[tuple[float, ...]], data: st.DataObject
) -> None:
    chosen = [row[0] for row in batch]
    rejected = [row[1] for row in batch]
    shuffled = data.draw(st.permutations(rejected))
    before = values("aot-unpaired", with_ratios(chosen), with_ratios(rejected))
    assert values("aot-unpaired", with_ratios(chosen), with_ratios(shuffled)) == before


@given(st.lists(NUMBERS, min_size=1, max_size=6), st.floats(0.0, 3.0))
def test_paired_is_dpo_where_policy_and_reference_order_the_pairs_alike(margins: list[float], stretch: float) -> None:
    # The reference's margins are d, the policy's (1 + stretch) d + 1: both orders are that of d.
    good = [-60.0 + margin for margin in margins]
    chosen = with_ratios([stretch * margin + 1 for margin in margins], good)
    rejected = with_ratios([0.0] * len(margins), [-60.0] * len(margins))
    ours, dpo = values("aot-paired", chosen, rejected), values("dpo", chosen, rejected)
    assert sorted(ours) == pytest.approx(sorted(dpo), rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_each_gradient_has_the_weight_of_its_rank(name: str) -> None:
    # Chosen log-ratios rank 2, 0, 1; the reference is indifferent and rejected log-ratios are 0.
    chosen, rejected = with_ratios([5.0, -5.0, 0.0]), with_ratios([0.0, 0.0, 0.0])
    up, _ = slopes(name, chosen, rejected, beta=1.0)
    weights = [-torch.sigmoid(torch.tensor(-gap, dtype=torch.float64)).item() for gap in (5.0, -5.0, 0.0)]
    assert [row[0] for row in up] == pytest.approx(weights, rel=1e-12)


def test_the_class_says_that_examples_see_one_another() -> None:
    assert all(build(name).batch_coupled for name in NAMES)
