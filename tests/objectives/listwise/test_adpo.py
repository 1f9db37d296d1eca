"""Anchored DPO on pairs and lists: targets, limits, temperatures."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from objectives.drawing import of_ratios
from penchant.errors import ConfigurationError
from penchant.objectives import Objective, Scored, build

RATIOS = st.lists(st.tuples(st.floats(-20.0, 20.0), st.floats(-5.0, 5.0)), min_size=2, max_size=6)
TARGETS = ["zscore", "softmax", "teacher", "one-hot", "bradley-terry", "plackett-luce"]
PROBABILITIES = st.floats(0.0, 1.0)


def of_list(objective: Objective, rows: list[tuple[float, float]]) -> tuple[Tensor, Tensor]:
    """Loss of one prompt whose responses have these log-ratios and scores, and its gradient in the log-ratios."""
    ratios = torch.tensor([ratio for ratio, _ in rows], dtype=torch.float64, requires_grad=True)
    scores = torch.tensor([score for _, score in rows], dtype=torch.float64)
    values = objective(responses=of_ratios(ratios, [0] * len(rows)), scores=scores).values
    return values, torch.autograd.grad(values.sum(), ratios)[0]


def of_target(target: str, **hyper: Any) -> Objective:
    """The objective of lists with a target, or that whose loss takes its place."""
    if target in ("bradley-terry", "plackett-luce"):
        return build(f"adpo-{target}", **hyper)
    return build("adpo-listwise", target=target, **hyper)


def of_pair(margin: float, tau: float, probability: float | None = None) -> float:
    extra = {} if probability is None else {"probability": torch.tensor([probability], dtype=torch.float64)}
    found = build("adpo-pairwise", tau=tau)(chosen=of_ratios([margin]), rejected=of_ratios([0.0]), **extra)
    return float(found.values)


@given(st.floats(-50.0, 50.0), st.floats(0.05, 2.0))
def test_a_sure_pair_at_the_inverse_temperature_is_dpo(margin: float, beta: float) -> None:
    plain = float(build("dpo", beta=beta)(chosen=of_ratios([margin]), rejected=of_ratios([0.0])).values)
    for probability in (None, 1.0):
        assert of_pair(margin, 1 / beta, probability) == pytest.approx(plain, rel=1e-9, abs=1e-12)
    rows = [(margin, 1.0), (0.0, 0.0)]
    for target in ("one-hot", "plackett-luce"):
        value, _ = of_list(of_target(target, tau=1 / beta), rows)
        assert value.item() == pytest.approx(plain, rel=1e-9, abs=1e-12)


@given(st.floats(-50.0, 50.0), PROBABILITIES)
def test_a_soft_label_is_label_smoothing(margin: float, probability: float) -> None:
    lead = margin / 5.0
    expected = probability * math.log1p(math.exp(-lead)) + (1 - probability) * math.log1p(math.exp(lead))
    assert of_pair(margin, 5.0, probability) == pytest.approx(expected, rel=1e-9)


@given(st.floats(-20.0, 20.0), st.floats(-5.0, 5.0), st.sampled_from(["softmax", "teacher", "bradley-terry"]))
def test_two_scored_responses_are_a_pair_with_a_soft_label(margin: float, gap: float, target: str) -> None:
    objective = of_target(target, tau=2.0, beta_reward=0.5)
    value, _ = of_list(objective, [(margin, gap), (0.0, 0.0)])
    assert value.item() == pytest.approx(of_pair(margin, 2.0, 1 / (1 + math.exp(-gap / 0.5))), rel=1e-9)


@given(RATIOS, st.sampled_from(TARGETS), st.floats(-30.0, 30.0))
def test_only_differences_count_and_gradients_sum_to_zero(
    rows: list[tuple[float, float]], target: str, shift: float
) -> None:
    objective = of_target(target)
    value, gradient = of_list(objective, rows)
    shifted, _ = of_list(objective, [(ratio + shift, score) for ratio, score in rows])
    torch.testing.assert_close(shifted, value)
    assert abs(gradient.sum().item()) < 1e-9


def target_of(name: str, scores: list[float]) -> Tensor:
    told = torch.tensor(scores, dtype=torch.float64)
    if name == "one-hot":
        best = (told == told.max()).double()
        return best / best.sum()
    return ((told - told.mean()) / (told.std() + 1e-8) if name == "zscore" else told).div(0.5).softmax(0)


@given(RATIOS, st.sampled_from(["softmax", "one-hot"]), st.floats(0.3, 5.0))
def test_the_gradient_is_policy_less_target_over_the_temperature(
    rows: list[tuple[float, float]], target: str, tau: float
) -> None:
    _, gradient = of_list(build("adpo-listwise", tau=tau, target=target), rows)
    policy = torch.tensor([ratio for ratio, _ in rows], dtype=torch.float64).div(tau).softmax(0)
    expected = (policy - target_of(target, [score for _, score in rows])) / tau
    torch.testing.assert_close(gradient, expected, atol=1e-9, rtol=1e-7)


def test_standardised_scores_have_no_unit() -> None:
    rows = [(0.3, 1.0), (-0.5, 4.0), (0.1, 2.5)]
    value, gradient = of_list(build("adpo-listwise"), rows)
    other, other_gradient = of_list(build("adpo-listwise"), [(ratio, 100 * score - 7) for ratio, score in rows])
    torch.testing.assert_close((other, other_gradient), (value, gradient), rtol=1e-6, atol=1e-7)
    expected = torch.tensor([ratio for ratio, _ in rows], dtype=torch.float64).div(0.8).softmax(0)
    expected = (expected - target_of("zscore", [score for _, score in rows])) / 0.8
    torch.testing.assert_close(gradient, expected, rtol=1e-6, atol=1e-7)


@given(st.lists(st.floats(-5.0, 5.0), min_size=2, max_size=6), st.sampled_from(TARGETS))
def test_at_the_anchor_the_loss_knows_only_the_number_of_responses(scores: list[float], target: str) -> None:
    value, _ = of_list(of_target(target), [(0.0, score) for score in scores])
    count = {"bradley-terry": 2, "plackett-luce": math.factorial(len(scores))}.get(target, len(scores))
    assert value.item() == pytest.approx(math.log(count), rel=1e-9)


@given(st.lists(st.floats(-3.0, 3.0), min_size=2, max_size=5), st.floats(0.3, 3.0))
def test_the_optimum_is_the_anchor_times_the_target_to_the_temperature(scores: list[float], tau: float) -> None:
    # π ∝ π_anchor · q^τ there; the loss is the entropy of q, and its curvature (Diag(q) − q qᵀ) / τ².
    objective = build("adpo-listwise", tau=tau, target="softmax")
    share = target_of("softmax", scores)
    ratios = tau * share.log()
    value, gradient = of_list(objective, list(zip(ratios.tolist(), scores, strict=True)))
    assert value.item() == pytest.approx(-(share * share.log()).sum().item(), rel=1e-9, abs=1e-12)
    assert gradient.abs().max().item() < 1e-9

    def loss(values: Tensor) -> Tensor:
        told = torch.tensor(scores, dtype=torch.float64)
        found: Tensor = objective(responses=of_ratios(values, [0] * len(scores)), scores=told).values.sum()
        return found

    curvature = torch.autograd.functional.hessian(loss, ratios)
    torch.testing.assert_close(curvature, (share.diag() - share.outer(share)) / tau**2, atol=1e-9, rtol=1e-7)


def test_an_indifferent_anchor_and_a_sure_target_give_the_cross_entropy_of_the_candidates() -> None:
    policy = torch.tensor([[-1.0], [-2.0], [-0.5]], dtype=torch.float64)
    view = Scored(policy, torch.full_like(policy, -3.0), policy < 0, group=torch.tensor([0, 0, 0]))
    objective = build("adpo-listwise", tau=1.0, target="one-hot")
    value = objective(responses=view, scores=torch.tensor([0.0, 1.0, 0.0])).values
    torch.testing.assert_close(value, -policy.flatten().log_softmax(0)[1:2])


def prompts(entropies: list[float]) -> Scored:
    """Two responses of one token a prompt, each with this −log π; the anchor is the policy."""
    policy = -torch.tensor(entropies, dtype=torch.float64).repeat_interleave(2).unsqueeze(1)
    return Scored(policy, policy, policy < 1, group=torch.arange(len(entropies)).repeat_interleave(2))


def temperatures(entropies: list[float], levels: list[float], **hyper: Any) -> list[float]:
    objective = build("adpo-listwise", use_adaptive_tau=True, vocab_size=100, **hyper)
    scores = torch.tensor([[level + 1, level - 1] for level in levels], dtype=torch.float64).flatten()
    found: list[float] = objective(responses=prompts(entropies), scores=scores).statistics["tau"].tolist()
    return found


def test_the_temperature_rises_where_the_policy_is_unsure_or_sure_and_wrong() -> None:
    most = math.log(100)
    sure_wrong, sure_right, unsure = temperatures([0.0, 0.0, 5 * most], [0.0, 3.0, 1.0])
    assert (sure_wrong, sure_right, unsure) == pytest.approx((0.8 * 1.5, 0.8, 0.8 * 1.5))
    assert temperatures([0.0, most], [2.0, 2.0]) == pytest.approx([0.8 * 1.25, 0.8 * 1.5])  # equal scores: one half
    assert temperatures([0.0, 0.0], [0.0, 3.0], adaptive_tau_max=0.9) == pytest.approx([0.9, 0.8])
    assert temperatures([0.0, 0.0], [0.0, 3.0], adaptive_tau_min=1.0) == pytest.approx([1.2, 1.0])


def test_the_temperature_is_a_constant_in_the_gradient() -> None:
    policy = torch.tensor([[-1.0], [-2.0]], dtype=torch.float64, requires_grad=True)
    view = Scored(policy, torch.full_like(policy, -3.0).detach(), policy < 0, group=torch.tensor([0, 0]))
    scores = torch.tensor([1.0, 0.0], dtype=torch.float64)
    adaptive = build("adpo-listwise", use_adaptive_tau=True)(responses=view, scores=scores)
    fixed = build("adpo-listwise", tau=adaptive.statistics["tau"].item())(responses=view, scores=scores)
    gradients = [torch.autograd.grad(each.values.sum(), policy, retain_graph=True)[0] for each in (adaptive, fixed)]
    torch.testing.assert_close(gradients[0], gradients[1])


def test_what_sees_the_whole_batch_says_so() -> None:
    assert not build("adpo-listwise").batch_coupled
    assert build("adpo-listwise", use_adaptive_tau=True).batch_coupled
    assert build("adpo-listwise", beta_anchor_kl=0.1).batch_coupled


def test_the_divergence_from_the_anchor_is_a_mean_over_the_tokens_of_the_batch() -> None:
    mask = torch.tensor([[True, True], [True, False], [True, True], [True, True]])
    policy = torch.full((4, 2), -1.0, dtype=torch.float64)
    reference = policy - torch.tensor([[0.5, 0.0], [0.0, 9.0], [0.0, 0.0], [1.0, 0.0]])
    view = Scored(policy, reference, mask, group=torch.tensor([0, 0, 1, 1]))
    scores = torch.tensor([1.0, 0.0, 0.0, 1.0], dtype=torch.float64)
    plain, held = (build("adpo-listwise", beta_anchor_kl=each)(responses=view, scores=scores) for each in (0.0, 2.0))
    expected = (math.exp(-0.5) + 0.5 - 1 + math.exp(-1.0) + 1.0 - 1) / 7
    assert (held.values - plain.values).mean().item() == pytest.approx(2.0 * expected)


def test_bounds_of_the_temperature_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"adaptive_tau_min.*above adaptive_tau_max"):
        build("adpo-listwise", adaptive_tau_min=2.0, adaptive_tau_max=1.0)
