"""LD-DPO and its weighting around other losses; averaging. What they do to sums, means and gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from objectives.drawing import random_inputs
from penchant.objectives import DPO, Scored, build, evaluate
from penchant.objectives.functional.numerics import logsigmoid
from penchant.objectives.pairwise.ld_dpo import tail_weighted
from penchant.objectives.wrappers.averaged import averaged

SHARES = st.floats(0.0, 1.0)
SEEDS = st.integers(0, 10_000)
FEW = settings(max_examples=25)
INSIDE = ["dpo", "rdpo", "ipo", "slic-hinge"]
# The chosen response has a tail of two tokens.
PAIR = {
    "chosen": {"policy": [[-1.0, -2.0, -0.5, -0.25]], "reference": [[-1.5, -2.0, -1.5, -1.0]]},
    "rejected": {"policy": [[-1.0, -1.0]], "reference": [[-0.5, -1.0]]},
}
SHORT, TAIL, LOST = 0.5, 1.75, -0.5  # log-ratios: of the shared tokens of chosen, of its tail, of rejected


@FEW
@given(SEEDS, SHARES)
def test_it_is_tail_weighted_dpo(seed: int, alpha: float) -> None:
    inputs = random_inputs(DPO(), seed)
    for both in (True, False):
        one = build("ld-dpo", beta=0.3, ld_alpha=alpha, apply_to_reference=both)(**inputs).values
        other = build("tail-weighted(dpo)", beta=0.3, alpha=alpha, apply_to_reference=both)(**inputs).values
        assert torch.equal(one, other) or torch.allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize("inside", INSIDE)
@FEW
@given(seed=SEEDS)
def test_with_a_whole_tail_it_is_the_loss_inside(inside: str, seed: int) -> None:
    inputs = random_inputs(build(inside), seed)
    values = build(f"tail-weighted({inside})", alpha=1.0)(**inputs).values
    torch.testing.assert_close(values, build(inside)(**inputs).values)


@pytest.mark.parametrize("inside", INSIDE)
@FEW
@given(seed=SEEDS, alpha=SHARES)
def test_responses_of_equal_length_have_no_tail(inside: str, seed: int, alpha: float) -> None:
    inputs = random_inputs(build(inside), seed)
    inputs["rejected"] = Scored(inputs["chosen"].policy - 0.3, inputs["chosen"].reference, inputs["chosen"].mask)
    values = build(f"tail-weighted({inside})", alpha=alpha)(**inputs).values
    torch.testing.assert_close(values, build(inside)(**inputs).values)


def test_tail_weighted_rdpo_is_the_value_by_hand() -> None:
    found = evaluate("tail-weighted(rdpo)", {"alpha": 0.4, "beta": 0.5, "label_smoothing": 0.2}, PAIR)
    z = 0.5 * torch.tensor(SHORT + 0.4 * TAIL - LOST, dtype=torch.float64)
    assert found["loss"] == pytest.approx(((0.2 * logsigmoid(-z) - 0.8 * logsigmoid(z)) / 0.6).item(), rel=1e-12)


def test_the_reference_may_keep_its_tail() -> None:
    found = evaluate("ld-dpo", {"ld_alpha": 0.4, "beta": 1.0, "apply_to_reference": False}, PAIR)
    policy = -3.0 + 0.4 * -0.75
    z = torch.tensor(policy - -6.0 - LOST, dtype=torch.float64)
    assert found["loss"] == pytest.approx(-logsigmoid(z).item(), rel=1e-12)
    assert found["policy_seq_logps"] == {"chosen": [pytest.approx(policy)], "rejected": [-2.0]}


@pytest.mark.parametrize("inside", INSIDE)
@FEW
@given(seed=SEEDS, alpha=SHARES)
def test_a_token_of_the_tail_has_alpha_times_the_gradient_of_a_shared_one(inside: str, seed: int, alpha: float) -> None:
    inputs = random_inputs(build(inside), seed)
    values = build(f"tail-weighted({inside})", alpha=alpha)(**inputs).values
    shared = torch.minimum(inputs["chosen"].length, inputs["rejected"].length)[:, None]
    for view in inputs.values():
        (gradient,) = torch.autograd.grad(values.sum(), view.policy, retain_graph=True)
        place = torch.arange(view.mask.shape[1])
        expected = gradient[:, :1] * torch.where(place < shared, 1.0, alpha) * view.mask
        torch.testing.assert_close(gradient, expected)


def test_means_become_weighted_means_and_lengths_stay() -> None:
    mask = torch.ones(1, 4, dtype=torch.bool)
    long = Scored(torch.tensor([[-1.0, -2.0, -3.0, -5.0]]), torch.zeros(1, 4), mask)
    short = Scored(torch.tensor([[-1.0, -2.0]]), torch.zeros(1, 2), mask[:, :2])
    weighted, same = tail_weighted(long, short, 0.5)
    assert weighted.logp.item() == -7.0 and weighted.length.item() == 4
    assert weighted.mean_logp.item() == weighted.mean_logratio.item() == pytest.approx(-7.0 / 3)
    assert torch.equal(weighted.policy, long.policy), "log-probabilities of tokens stay what they are"
    assert same.logp.item() == -3.0 and same.mean_logp.item() == -1.5
    nothing, _ = tail_weighted(long, Scored(short.policy, short.reference, ~mask[:, :2]), 0.0)
    assert nothing.logp.item() == nothing.mean_logp.item() == 0.0
    apart, _ = tail_weighted(long, short, 0.5, apply_to_reference=False)
    assert apart.total_weight.item() == 3.0 and apart.total_ref_weight.item() == 4.0


@FEW
@given(SEEDS)
def test_averaged_dpo_takes_mean_log_ratios(seed: int) -> None:
    inputs = random_inputs(DPO(), seed)
    margin = inputs["chosen"].mean_logratio - inputs["rejected"].mean_logratio
    objective = build("averaged(dpo)", beta=2.0)
    torch.testing.assert_close(objective(**inputs).values, -logsigmoid(2.0 * margin))
    rewards = objective.rewards(inputs["chosen"])
    assert rewards is not None
    torch.testing.assert_close(rewards, 2.0 * inputs["chosen"].mean_logratio.detach())


@FEW
@given(SEEDS)
def test_averaged_sums_are_the_averages_that_a_method_takes_itself(seed: int) -> None:
    inputs = random_inputs(build("ipo"), seed)
    itself = build("ipo", average_log_prob=True)(**inputs).values
    for text, hyper in (("averaged(ipo)", False), ("averaged(ipo)", True), ("averaged(averaged(ipo))", True)):
        torch.testing.assert_close(build(text, average_log_prob=hyper)(**inputs).values, itself)


@FEW
@given(SEEDS, SHARES)
def test_wrappers_nest_in_the_order_in_which_they_are_written(seed: int, alpha: float) -> None:
    inputs: dict[str, Any] = random_inputs(DPO(), seed)
    chosen, rejected = tail_weighted(**inputs, alpha=alpha)
    weighted_means = build("tail-weighted(averaged(dpo))", alpha=alpha)(**inputs).values
    torch.testing.assert_close(weighted_means, -logsigmoid(0.1 * (chosen.mean_logratio - rejected.mean_logratio)))
    whole = {name: averaged(view) for name, view in inputs.items()}
    torch.testing.assert_close(
        build("averaged(tail-weighted(dpo))", alpha=alpha)(**inputs).values,
        build("tail-weighted(dpo)", alpha=alpha)(**whole).values,
    )
    divided = (chosen.logratio / chosen.length) - (rejected.logratio / rejected.length)
    torch.testing.assert_close(
        build("averaged(tail-weighted(dpo))", alpha=alpha)(**inputs).values, -logsigmoid(0.1 * divided)
    )


def test_lists_of_views_are_averaged_too() -> None:
    from penchant.objectives.wrappers.averaged import _every

    view = random_inputs(DPO(), 0)["chosen"]
    (once,) = _every([view])
    torch.testing.assert_close(once.logp, view.mean_logp)
