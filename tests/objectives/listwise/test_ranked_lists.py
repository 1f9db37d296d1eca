"""What the method sheets list of the losses on rankings."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from objectives.drawing import of_ratios
from objectives.ratios import with_tokens
from penchant.objectives import Scored, build
from penchant.objectives.functional.lists import partial_plackett_luce, place_by
from penchant.objectives.listwise.lipo_lambda import lambda_weights

RATIOS = st.lists(st.floats(-20.0, 20.0), min_size=3, max_size=6)


def together(ratios: list[float] | torch.Tensor) -> Scored:
    return of_ratios(ratios, [0] * len(ratios))


def ranks(*given: float) -> torch.Tensor:
    return torch.tensor(given, dtype=torch.float64)


@pytest.mark.parametrize("name", ["plackett-luce-dpo", "s-dpo", "dmpo"])
@given(first=st.floats(-20, 20), second=st.floats(-20, 20), beta=st.floats(0.01, 2.0))
def test_two_responses_are_a_pair_of_dpo(name: str, first: float, second: float, beta: float) -> None:
    found = build(name, beta=beta)(responses=together([first, second]), ranks=ranks(2, 1)).values
    dpo = build("dpo", beta=beta)(chosen=of_ratios([second]), rejected=of_ratios([first])).values
    torch.testing.assert_close(found, dpo)


@given(RATIOS)
def test_the_best_against_equals_is_s_dpo_and_infonca_of_one_target(ratios: list[float]) -> None:
    ranking = ranks(1, *[2] * (len(ratios) - 1))
    found = build("s-dpo")(responses=together(ratios), ranks=ranking).values
    torch.testing.assert_close(found, build("plackett-luce-dpo")(responses=together(ratios), ranks=ranking).values)
    once = build("plackett-luce-dpo", top=1)(
        responses=together(ratios), ranks=torch.arange(1, len(ratios) + 1).double()
    )
    torch.testing.assert_close(found, once.values)
    target = torch.tensor([0.0, *[-1e9] * (len(ratios) - 1)], dtype=torch.float64)
    torch.testing.assert_close(found, build("infonca-reward")(responses=together(ratios), scores=target).values)


@given(st.integers(2, 7))
def test_at_the_start_the_losses_count_the_responses(count: int) -> None:
    equal, order = together([0.0] * count), torch.arange(1, count + 1).double()
    assert build("plackett-luce-dpo")(responses=equal, ranks=order).values.item() == pytest.approx(
        math.lgamma(count + 1)
    )
    assert build("s-dpo")(responses=equal, ranks=order).values.item() == pytest.approx(math.log(count))
    assert build("dmpo")(responses=equal, ranks=order).values.item() == pytest.approx(math.log(2))


@given(RATIOS, st.floats(-5, 5))
def test_a_constant_added_to_a_list_changes_nothing(ratios: list[float], constant: float) -> None:
    order = torch.arange(len(ratios)).double()
    for name in ("plackett-luce-dpo", "s-dpo", "dmpo", "dynamicpo"):
        found = build(name)(responses=together(ratios), ranks=order).values
        moved = build(name)(responses=together([each + constant for each in ratios]), ranks=order).values
        if name != "dynamicpo":  # whose choice depends on the policy alone
            torch.testing.assert_close(found, moved, atol=1e-9, rtol=1e-9)


def test_hard_negatives_get_more_of_the_gradient_of_s_dpo_and_the_same_of_dmpo() -> None:
    for name, alike in (("s-dpo", False), ("dmpo", True)):
        ratios = torch.tensor([0.0, 3.0, -3.0], dtype=torch.float64, requires_grad=True)
        build(name, beta=1.0)(responses=together(ratios), ranks=ranks(1, 2, 2)).values.sum().backward()
        assert ratios.grad is not None
        hard, easy = ratios.grad[1].item(), ratios.grad[2].item()
        assert (hard == pytest.approx(easy)) is alike and hard >= easy > 0


def test_negatives_twice_shift_s_dpo_by_log_two_and_leave_dmpo() -> None:
    once, twice = together([1.0, 0.5, 0.2]), together([1.0, 0.5, 0.2, 0.5, 0.2])
    first, second = (
        build("s-dpo", beta=1.0)(responses=one, ranks=ranks(1, *[2] * (len(one.policy) - 1))).values
        for one in (once, twice)
    )
    assert second.expm1().log().item() == pytest.approx(first.expm1().log().item() + math.log(2))
    same = [
        build("dmpo")(responses=one, ranks=ranks(1, *[2] * (len(one.policy) - 1))).values.item()
        for one in (once, twice)
    ]
    assert same[0] == pytest.approx(same[1])


def test_ties_and_gaps_and_lists_of_different_length_in_one_batch() -> None:
    group = torch.tensor([0, 0, 0, 1, 1, 2])
    values = torch.tensor([0.3, -0.2, 1.0, 0.0, 0.5, 2.0], dtype=torch.float64)
    found = partial_plackett_luce(values, torch.tensor([1.0, 5.0, 5.0, 2.0, 2.0, 1.0]), group)
    best = math.log(math.exp(0.3) + math.exp(-0.2) + math.exp(1.0)) - 0.3
    assert found.tolist() == pytest.approx([best, 0.0, 0.0])
    view = of_ratios(values, group.tolist())
    for name in ("s-dpo", "dmpo", "dynamicpo"):
        loss = build(name)(responses=view, ranks=torch.tensor([1.0, 5.0, 5.0, 2.0, 2.0, 1.0])).values
        assert torch.isfinite(loss).all() and loss.shape == (3,)


@given(RATIOS)
def test_lambda_weights_are_symmetric_and_zero_for_equal_labels(scores: list[float]) -> None:
    labels = torch.tensor(scores, dtype=torch.float64) / 40 + 0.5
    found = lambda_weights(labels, place_by(labels, torch.zeros(len(scores), dtype=torch.long)))
    torch.testing.assert_close(found, found.T)
    assert (found >= 0).all() and (lambda_weights(labels * 0, torch.arange(1, len(scores) + 1)) == 0).all()


def test_lipo_raises_the_best_labelled_response() -> None:
    ratios = torch.tensor([0.1, 0.5, -0.3], dtype=torch.float64, requires_grad=True)
    build("lipo-lambda")(responses=together(ratios), scores=ranks(1.0, 0.2, 0.5)).values.sum().backward()
    assert ratios.grad is not None and ratios.grad[0] < 0 < ratios.grad[1]


def test_pro_of_equal_rewards_has_no_ranking_gradient_and_counts_the_remaining() -> None:
    view = with_tokens([-1.0], [-2.0, -1.0], [-3.0])
    view = Scored(view.policy, None, view.mask, group=torch.tensor([0, 0, 0]))
    found = build("pro", sft_weight=0.0)(responses=view, scores=ranks(1, 1, 1)).values
    assert found.item() == pytest.approx(math.log(3) + math.log(2))
    found.sum().backward()
    assert view.policy.grad is not None and torch.nan_to_num(view.policy.grad).abs().max() < 1e-12


def test_irpo_of_equal_items_is_log_two_of_the_mean_weight_and_half_of_dpo_for_one_relevant_of_two() -> None:
    equal = together([0.0, 0.0, 0.0])
    weights = (3 / math.log2(2) + 1 / math.log2(3) + 0) / 3
    found = build("irpo")(responses=equal, relevance=ranks(2, 1, 0), positions=ranks(1, 2, 3)).values.item()
    assert found == pytest.approx(weights * math.log(2))
    pair = build("irpo")(responses=together([0.7, -0.2]), relevance=ranks(1, 0), positions=ranks(1, 2)).values
    dpo = build("dpo", beta=1.0)(chosen=of_ratios([0.7]), rejected=of_ratios([-0.2])).values
    torch.testing.assert_close(pair, dpo / 2)
    alone = build("irpo")(responses=together([0.7]), relevance=ranks(1), positions=ranks(1))
    assert alone.values.tolist() == [0.0]
