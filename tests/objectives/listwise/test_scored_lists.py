"""EXO, DPO-RW, NCA, InfoNCA and DDO-RM on scored lists: what their method sheets say."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from objectives.drawing import of_ratios
from penchant.objectives import Losses, Objective, Scored, build

#: A log-ratio and a score for each response to one prompt.
RESPONSES = st.lists(st.tuples(st.floats(-20.0, 20.0), st.floats(-5.0, 5.0)), min_size=1, max_size=6)
LISTS = ["exo-rw", "dpo-rw", "nca-reward", "infonca-reward", "ddo-rm", "adpo-listwise"]
SURE = 1e3  # a score so high that all others have no weight


def call(objective: Objective, ratios: list[float] | Tensor, scores: list[float], group: list[int]) -> Losses:
    told = torch.tensor(scores, dtype=torch.float64)
    result: Losses = objective(responses=of_ratios(ratios, group), scores=told)
    return result


def one(name: str, rows: list[tuple[float, float]], **hyper: float) -> float:
    """The loss of one prompt."""
    return call(build(name, **hyper), [row[0] for row in rows], [row[1] for row in rows], [0] * len(rows)).values.item()


def slopes(name: str, rows: list[tuple[float, float]], **hyper: float | bool) -> Tensor:
    """The gradient of one prompt's loss in each response's log-probability of its one token."""
    ratios = torch.tensor([row[0] for row in rows], dtype=torch.float64, requires_grad=True)
    values = call(build(name, **hyper), ratios, [row[1] for row in rows], [0] * len(rows)).values
    return torch.autograd.grad(values.sum(), ratios)[0]


def shares(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).softmax(0)


@pytest.mark.parametrize("name", LISTS)
@given(st.lists(RESPONSES, min_size=2, max_size=3), st.randoms())
def test_lists_of_different_lengths_in_any_order_lose_what_each_alone_would(
    name: str, lists: list[list[tuple[float, float]]], random: object
) -> None:
    rows = [(place, *each) for place, responses in enumerate(lists) for each in responses]
    random.shuffle(rows)  # type: ignore[attr-defined]
    numbers = {old: new for new, old in enumerate(dict.fromkeys(place for place, *_ in rows))}
    found = call(build(name), *([row[k] for row in rows] for k in (1, 2)), [numbers[row[0]] for row in rows]).values
    for old, new in numbers.items():
        alone = [(ratio, score) for place, ratio, score in rows if place == old]
        assert found[new].item() == pytest.approx(one(name, alone), rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("name", LISTS)
def test_opposite_extremes_give_finite_losses_and_gradients(name: str) -> None:
    for ratios in ([-1e4, 1e4, 0.0], [1e4, -1e4, -1e4]):
        for scores in ([1e4, -1e4, 0.0], [0.0, 0.0, 0.0]):
            values = torch.tensor(ratios, dtype=torch.float64, requires_grad=True)
            losses = call(build(name), values, scores, [0, 0, 0]).values
            assert torch.isfinite(losses).all()
            assert torch.isfinite(torch.autograd.grad(losses.sum(), values)[0]).all()


@given(RESPONSES, st.floats(0.1, 2.0), st.floats(0.1, 2.0))
def test_exo_is_zero_exactly_where_both_distributions_are_equal(
    rows: list[tuple[float, float]], policy: float, reward: float
) -> None:
    equal = [(score / reward / policy + 3.0, score) for _, score in rows]
    shape = {"beta_policy": policy, "beta_reward": reward}
    assert one("exo-rw", equal, **shape) == pytest.approx(0.0, abs=1e-9)
    assert slopes("exo-rw", equal, **shape).abs().max().item() < 1e-9
    first, second = shares([policy * row[0] for row in rows]), shares([row[1] / reward for row in rows])
    divergence = (first * (first.log() - second.log())).sum().item()
    assert one("exo-rw", rows, **shape) == pytest.approx(divergence, rel=1e-7, abs=1e-9)


@given(RESPONSES)
def test_the_gradient_of_exo_runs_through_the_whole_divergence(rows: list[tuple[float, float]]) -> None:
    policy, reward = shares([0.5 * row[0] for row in rows]), shares([row[1] / 0.5 for row in rows])
    ratio = policy.log() - reward.log()
    expected = 0.5 * policy * (ratio - (policy * ratio).sum())
    torch.testing.assert_close(slopes("exo-rw", rows), expected, atol=1e-9, rtol=1e-6)


@given(st.floats(-20.0, 20.0), st.floats(1e-4, 0.45))
def test_exo_of_two_responses_is_the_pair_form(margin: float, smoothing: float) -> None:
    lead = 0.7 * math.log((1 - smoothing) / smoothing)
    chosen = torch.tensor(0.3 * margin, dtype=torch.float64).sigmoid().item()
    expected = math.log(1 - smoothing), math.log(smoothing)
    pair = sum(
        share * ((math.log(share) if share > 0 else 0.0) - target)
        for share, target in zip((chosen, 1 - chosen), expected, strict=True)
    )
    found = one("exo-rw", [(margin, lead), (0.0, 0.0)], beta_policy=0.3, beta_reward=0.7)
    assert found == pytest.approx(pair, rel=1e-6, abs=1e-9)
    at_zero = one("exo-rw", [(0.0, lead), (0.0, 0.0)], beta_reward=0.7)
    assert at_zero == pytest.approx(-math.log(2) - sum(expected) / 2, rel=1e-9)
    best = math.log((1 - smoothing) / smoothing) / 0.3
    assert one("exo-rw", [(best, lead), (0.0, 0.0)], beta_policy=0.3, beta_reward=0.7) == pytest.approx(0, abs=1e-9)


@given(RESPONSES)
def test_dpo_rw_is_the_forward_divergence_plus_the_entropy_of_the_rewards(rows: list[tuple[float, float]]) -> None:
    policy, reward = shares([0.5 * row[0] for row in rows]), shares([row[1] / 0.5 for row in rows])
    assert one("dpo-rw", rows) == pytest.approx(-(reward * policy.log()).sum().item(), rel=1e-9, abs=1e-12)
    torch.testing.assert_close(slopes("dpo-rw", rows), 0.5 * (policy - reward), atol=1e-9, rtol=1e-7)


@given(st.floats(-30.0, 30.0), st.floats(-30.0, 30.0))
def test_two_responses_of_which_one_is_surely_better_are_a_pair(chosen: float, rejected: float) -> None:
    rows = [(chosen, SURE), (rejected, 0.0)]
    plain = build("dpo")(chosen=of_ratios([chosen]), rejected=of_ratios([rejected])).values.item()
    assert one("infonca-reward", rows) == pytest.approx(plain, rel=1e-9, abs=1e-12)
    assert one("dpo-rw", rows, beta_policy=0.1) == pytest.approx(plain, rel=1e-9, abs=1e-12)
    log_one_plus = [math.log1p(math.exp(value)) for value in (-0.1 * chosen, 0.1 * chosen, 0.1 * rejected)]
    pair = log_one_plus[0] + 0.5 * log_one_plus[1] + 0.5 * log_one_plus[2]
    assert one("nca-reward", rows) == pytest.approx(pair, rel=1e-9)


@given(st.floats(-30.0, 30.0))
def test_nca_pushes_the_better_response_up_until_its_reward_is_log_two(chosen: float) -> None:
    slope = slopes("nca-reward", [(chosen, SURE), (-3.0, 0.0)])[0].item()
    sigmoid = 1 / (1 + math.exp(-0.1 * chosen))
    assert slope == pytest.approx(0.1 * (sigmoid - 1 + 0.5 * sigmoid), abs=1e-12)
    assert slopes("nca-reward", [(10 * math.log(2), SURE), (0.0, 0.0)])[0].item() == pytest.approx(0, abs=1e-12)


@given(st.lists(st.floats(-5.0, 5.0), min_size=1, max_size=6))
def test_at_the_reference_losses_know_only_the_number_of_responses(scores: list[float]) -> None:
    rows = [(0.0, score) for score in scores]
    assert one("infonca-reward", rows) == pytest.approx(math.log(len(rows)), rel=1e-9, abs=1e-12)
    assert one("nca-reward", rows) == pytest.approx(2 * math.log(2), rel=1e-9)


def test_the_bonus_goes_to_the_first_response_of_each_prompt() -> None:
    ratios, group = [0.5, -1.0, 2.0, 0.0], [0, 1, 0, 1]
    for name in ("nca-reward", "infonca-reward"):
        found = call(build(name, first_score_bonus=0.3), ratios, [1.0, 2.0, 1.5, 0.5], group)
        by_hand = call(build(name), ratios, [1.3, 2.3, 1.5, 0.5], group)
        torch.testing.assert_close(found.values, by_hand.values)


def tilted(rows: list[tuple[float, float]], eta: float, temperature: float) -> tuple[Tensor, Tensor]:
    """The policy's distribution, and the same times exp(η R / T)."""
    policy = shares([row[0] / temperature for row in rows])
    target = policy * torch.tensor([eta * row[1] / temperature for row in rows], dtype=torch.float64).exp()
    return policy, target / target.sum()


@given(RESPONSES, st.floats(0.0, 2.0), st.floats(0.5, 2.0))
def test_ddo_rm_moves_the_policy_towards_itself_times_the_exponential_reward(
    rows: list[tuple[float, float]], eta: float, temperature: float
) -> None:
    policy, target = tilted(rows, eta, temperature)
    shape = {"eta": eta, "temperature": temperature}
    assert one("ddo-rm", rows, **shape) == pytest.approx(-(target * policy.log()).sum().item(), rel=1e-7, abs=1e-9)
    expected = (policy - target) / temperature
    torch.testing.assert_close(slopes("ddo-rm", rows, **shape), expected, atol=1e-9, rtol=1e-6)


@given(RESPONSES, st.floats(-5.0, 5.0))
def test_rewards_that_do_not_differ_or_do_not_count_move_nothing(rows: list[tuple[float, float]], same: float) -> None:
    policy = shares([row[0] for row in rows])
    entropy = -(policy * policy.log()).sum().item()
    constant = [(row[0], same) for row in rows]
    assert one("ddo-rm", constant) == pytest.approx(entropy, rel=1e-9, abs=1e-9)
    assert slopes("ddo-rm", constant).abs().max().item() < 1e-9
    assert slopes("ddo-rm", rows, eta=0.0).abs().max().item() < 1e-9


@given(RESPONSES)
def test_the_released_form_has_the_same_losses_and_the_gradient_of_the_target_too(
    rows: list[tuple[float, float]],
) -> None:
    policy, target = tilted(rows, 1.0, 1.0)
    through = target * (policy.log() - (target * policy.log()).sum())
    assert one("ddo-rm", rows, released=True) == pytest.approx(one("ddo-rm", rows), rel=1e-12, abs=1e-12)
    expected = policy - target - through
    torch.testing.assert_close(slopes("ddo-rm", rows, released=True), expected, atol=1e-9, rtol=1e-6)


def test_ddo_rm_takes_means_over_tokens_and_no_reference() -> None:
    policy = torch.tensor([[-1.0, -3.0], [-2.0, 9.0]], dtype=torch.float64)
    mask = torch.tensor([[True, True], [True, False]])
    view = Scored(policy, None, mask, group=torch.tensor([0, 0]))
    scores = torch.tensor([0.0, 0.0], dtype=torch.float64)
    assert build("ddo-rm")(responses=view, scores=scores).values.item() == pytest.approx(math.log(2))
