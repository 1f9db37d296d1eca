"""What the method sheets list of the losses on single labelled responses."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from objectives.drawing import of_ratios
from penchant.objectives import Scored, build
from penchant.objectives.binary.bco import BCO

RATIOS = st.lists(st.floats(-20.0, 20.0), min_size=1, max_size=6)


def labels(*given: float) -> torch.Tensor:
    return torch.tensor(given, dtype=torch.float64)


@given(RATIOS, st.floats(0.01, 2.0))
def test_unpaired_apo_is_kto_with_the_reference_point_zero(ratios: list[float], beta: float) -> None:
    marks = torch.arange(len(ratios)).double() % 2
    low = of_ratios([-1.0] * len(ratios))  # whose mean is clamped to 0
    expected = build("kto", beta=beta)(responses=of_ratios(ratios), label=marks, mismatched=low).values
    torch.testing.assert_close(
        build("apo-zero-unpaired", beta=beta)(responses=of_ratios(ratios), label=marks).values, expected
    )


@given(RATIOS)
def test_both_forms_of_kto_agree_where_no_ratio_is_zero(ratios: list[float]) -> None:
    partners = of_ratios([each + 0.001 if each >= 0 else each - 0.001 for each in ratios])
    marks = torch.arange(len(ratios)).double() % 2
    first, second = (
        build(name)(responses=of_ratios(ratios), label=marks, mismatched=partners).values
        for name in ("kto", "kto-halos")
    )
    torch.testing.assert_close(first, second)


def test_diffusion_kto_is_kto_where_the_reference_points_agree() -> None:
    """With its partners' ratios equal to the batch's own, both reference points are the mean of the batch."""
    ratios, marks = of_ratios([0.4, 1.0, -0.2]), labels(1, 0, 1)
    kto = build("kto", beta=0.3)(responses=ratios, label=marks, mismatched=ratios).values
    images = build("diffusion-kto", beta=0.3, half_factor=1.0)(responses=ratios, label=marks).values
    torch.testing.assert_close(kto, images)


@pytest.mark.parametrize("marks", [labels(1, 1, 1), labels(0, 0, 0), labels(1)])
@pytest.mark.parametrize("name", ["kto", "kto-halos", "bco", "apo-zero-unpaired"])
def test_batches_of_one_label_or_of_one_response_are_defined(name: str, marks: torch.Tensor) -> None:
    ratios = torch.linspace(-1, 1, len(marks), dtype=torch.float64, requires_grad=True)
    objective = build(name)
    inputs = {"responses": of_ratios(ratios), "label": marks, "mismatched": of_ratios([0.3] * len(marks))}
    values = objective.compute(inputs).values
    values.sum().backward()
    assert torch.isfinite(values).all() and ratios.grad is not None and torch.isfinite(ratios.grad).all()


@given(RATIOS, RATIOS)
def test_the_shift_of_bco_is_the_mean_of_all_rewards_so_far_and_only_of_training(
    first: list[float], second: list[float]
) -> None:
    objective = BCO(beta=0.5)
    seen: list[float] = []
    for ratios in (first, second):
        seen += ratios
        found = objective(responses=of_ratios(ratios), label=torch.ones(len(ratios)))
        assert found.statistics["shift"][0].item() == pytest.approx(0.5 * sum(seen) / len(seen), abs=1e-9)
    saved = {name: value.clone() for name, value in objective.state_dict().items()}
    objective.eval()
    objective(responses=of_ratios([99.0]), label=torch.ones(1))
    assert all(torch.equal(value, saved[name]) for name, value in objective.state_dict().items())
    again = BCO(beta=0.5)
    again.load_state_dict(saved)
    assert (
        again.eval()(responses=of_ratios([0.0]), label=torch.ones(1)).statistics["shift"][0]
        == found.statistics["shift"][0]
    )


def test_the_balanced_shift_counts_both_labels_alike() -> None:
    objective = BCO(beta=1.0, shift="balanced")
    found = objective(responses=of_ratios([3.0, 3.0, 3.0, 1.0]), label=labels(1, 1, 1, 0))
    assert found.statistics["shift"][0].item() == pytest.approx(2.0)
    alone = BCO(beta=1.0, shift="balanced")(responses=of_ratios([3.0]), label=labels(1))
    assert alone.statistics["shift"][0].item() == pytest.approx(3.0)


def test_density_ratios_weigh_undesirable_responses_alone_within_bounds() -> None:
    found = build("bco", shift="none")(
        responses=of_ratios([0.0] * 4), label=labels(1, 0, 0, 0), prob_desirable=labels(0.9, 0.5, 0.999, 0.001)
    )
    assert found.statistics["weight"].tolist() == pytest.approx([1.0, 1.0, 10.0, 0.5])
    assert found.values.tolist() == pytest.approx([each * math.log(2) for each in (1.0, 1.0, 10.0, 0.5)])


def answers(policy: torch.Tensor) -> Scored:
    return Scored(policy, None, torch.ones_like(policy) > 0)


@pytest.mark.parametrize(("normalize", "weight"), [(0, 1.0), (1, 0.75), (2, math.sqrt(3))])
def test_on_policy_the_gradient_of_nft_is_that_of_group_advantages(normalize: int, weight: float) -> None:
    policy = torch.full((2, 3), -0.7, dtype=torch.float64, requires_grad=True)
    objective = build("nft", normalize=normalize, token_normalizer=1.0)
    objective(
        responses=answers(policy), label=labels(1, 0), old_policy=policy.detach(), correct_rate=labels(0.25, 0.25)
    ).values.sum().backward()
    assert policy.grad is not None
    assert policy.grad[0].tolist() == pytest.approx([-weight] * 3)
    assert policy.grad[1].tolist() == pytest.approx([weight * 0.25 / 0.75] * 3)


def test_nft_without_wrong_answers_is_rejection_sampling_and_its_clamp_hides_the_value_not_the_gradient() -> None:
    policy = torch.tensor([[-0.2]], dtype=torch.float64, requires_grad=True)
    inputs = {"old_policy": torch.tensor([[-0.7]]), "correct_rate": labels(0.5), "label": labels(0)}
    found = build("nft", token_normalizer=1.0)(responses=answers(policy), **inputs).values
    found.sum().backward()
    assert found.item() == 0.0 and policy.grad is not None and policy.grad.item() > 0
    nothing = build("nft", neg_weight=0.0)(responses=answers(policy), **inputs).values
    assert nothing.item() == 0.0


@given(RATIOS, st.floats(-5, 5), st.floats(0.05, 1.0))
def test_d2o_with_one_sample_is_dpo_and_repeated_samples_count_once(
    samples: list[float], bad: float, beta: float
) -> None:
    dispreferred = of_ratios([bad])
    one = build("d2o", beta=beta, alpha=beta)(bad=dispreferred, samples=of_ratios(samples[:1])).values
    torch.testing.assert_close(
        one, build("dpo", beta=beta)(chosen=of_ratios(samples[:1]), rejected=dispreferred).values
    )
    twice = of_ratios(samples[:1] * 4, [0] * 4)
    torch.testing.assert_close(one, build("d2o", beta=beta, alpha=beta)(bad=dispreferred, samples=twice).values)
