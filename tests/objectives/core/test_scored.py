"""Scored: sums over a response's own tokens, whatever stands elsewhere."""

from __future__ import annotations

import pytest
import torch

from penchant.errors import ConfigurationError
from penchant.objectives import Scored

MASK = torch.tensor([[True, True, False], [True, False, False], [False, False, False]])
POLICY = torch.tensor([[-1.0, -2.0, float("nan")], [-3.0, float("inf"), -5.0], [float("-inf"), 0.0, 1.0]])
REFERENCE = torch.tensor([[-2.0, -2.5, float("inf")], [-1.0, float("nan"), -5.0], [0.0, 0.0, float("nan")]])


def test_sums_and_means_are_over_masked_tokens_only() -> None:
    view = Scored(POLICY, REFERENCE, MASK)
    assert view.logp.tolist() == [-3.0, -3.0, 0.0]
    assert view.ref_logp.tolist() == [-4.5, -1.0, 0.0]
    assert view.logratio.tolist() == [1.5, -2.0, 0.0]
    assert view.token_logratio.tolist() == [[1.0, 0.5, 0.0], [-2.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    assert view.length.tolist() == [2, 1, 0]


def test_an_empty_response_has_mean_zero() -> None:
    view = Scored(POLICY, REFERENCE, MASK)
    assert view.mean_logp.tolist() == [-1.5, -3.0, 0.0]
    assert view.mean_ref_logp.tolist() == [-2.25, -1.0, 0.0]
    assert view.mean_logratio.tolist() == [0.75, -2.0, 0.0]


@pytest.mark.parametrize("name", ["logp", "mean_logp", "logratio", "mean_logratio"])
def test_garbage_behind_the_mask_does_not_reach_the_gradient(name: str) -> None:
    policy = POLICY.clone().requires_grad_()
    getattr(Scored(policy, REFERENCE, MASK), name).sum().backward()
    assert policy.grad is not None
    assert torch.isfinite(policy.grad).all() and (policy.grad[~MASK] == 0).all() and (policy.grad[MASK] > 0).all()


@pytest.mark.parametrize("name", ["ref_logp", "logratio", "token_logratio", "mean_ref_logp", "mean_logratio"])
def test_asking_for_an_absent_reference_names_the_declaration(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"Needs\(reference=True\)"):
        getattr(Scored(POLICY, None, MASK), name)


def test_the_reference_is_detached() -> None:
    reference = torch.zeros(1, 2, requires_grad=True)
    view = Scored(torch.zeros(1, 2, requires_grad=True), reference, torch.ones(1, 2, dtype=torch.bool))
    view.logratio.sum().backward()
    assert reference.grad is None


def test_equal_policy_and_reference_have_a_ratio_of_exactly_zero() -> None:
    values = -torch.rand(3, 200) * 9
    assert (Scored(values, values.clone(), torch.ones(3, 200, dtype=torch.bool)).logratio == 0).all()


def test_long_half_precision_responses_are_summed_in_float32() -> None:
    values = torch.full((1, 4096), -1.0, dtype=torch.bfloat16)
    view = Scored(values, None, torch.ones(1, 4096, dtype=torch.bool))
    assert view.logp.dtype == torch.float32 and view.logp.item() == -4096.0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"policy": torch.zeros(3)}, "'policy' has shape"),
        ({"mask": MASK.float()}, "torch.bool"),
        ({"mask": MASK[:2]}, "'mask' has shape"),
        ({"reference": REFERENCE[:, :2]}, "'reference' has shape"),
        ({"stats": {"entropy": torch.zeros(3)}}, "entropy"),
        ({"group": torch.zeros(2)}, "'group' has shape"),
        ({"fields": {"score": torch.zeros(2)}}, "score"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(changes: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        Scored(**({"policy": POLICY, "reference": REFERENCE, "mask": MASK} | changes))  # type: ignore[arg-type]


def test_a_statistic_is_zero_behind_the_mask_and_an_absent_one_is_named() -> None:
    view = Scored(POLICY, None, MASK, stats={"entropy": POLICY})
    assert view.stat("entropy").tolist() == [[-1.0, -2.0, 0.0], [-3.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    with pytest.raises(ConfigurationError, match="Did you mean 'entropy'"):
        view.stat("entrpy")


def test_selected_responses_keep_everything_and_number_their_examples_anew() -> None:
    view = Scored(POLICY, REFERENCE, MASK, {"entropy": POLICY}, torch.tensor([0, 1, 1]), {"score": torch.arange(3.0)})
    part = view.select(torch.tensor([2, 1]))
    assert view.examples == 2 and part.examples == 1
    assert part.group.tolist() == [0, 0] and part.fields["score"].tolist() == [2.0, 1.0]
    assert part.logp.tolist() == [0.0, -3.0] and part.ref_logp.tolist() == [0.0, -1.0]
