"""GRPO and its relatives: where they agree, what each of them does to a token, and the ids of former loss types."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives import Scored, build
from penchant.receipts.cases import Case
from penchant.receipts.policy_gradient import loss_of

EVERY = ["grpo", "dr-grpo", "bnpo", "dapo", "cispo", "sapo", "gmpo"]
ADVANTAGES = torch.tensor([1.0, -0.5, 0.25, -2.0], dtype=torch.float64)


def samples(lengths: list[int], reference: float | None = None) -> Scored:
    """Four responses to two prompts, every token with log-probability −1."""
    tokens = torch.full((4, max(lengths)), -1.0, dtype=torch.float64)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)
    other = None if reference is None else torch.full_like(tokens, reference)
    return Scored(tokens.requires_grad_(), other, mask, group=torch.tensor([0, 0, 1, 1]))


def slope(name: str, view: Scored, old: Tensor | None = None, **hyper: Any) -> Tensor:
    """The gradient of the mean loss in every token."""
    loss = build(name, **hyper)(responses=view, advantage=ADVANTAGES, old_policy=old).values.mean()
    return torch.autograd.grad(loss, view.policy)[0]


@pytest.mark.parametrize("name", EVERY)
def test_on_policy_the_gradient_is_that_of_reinforce(name: str) -> None:
    view = samples([3, 3, 3, 3])
    hyper = {"max_completion_length": 3} if name == "dr-grpo" else {}
    expected = (-ADVANTAGES.unsqueeze(1) / 12).expand(4, 3)
    tolerance = 1e-6 if name == "sapo" else 1e-12  # its temperatures are float32
    torch.testing.assert_close(slope(name, view, **hyper), expected, rtol=tolerance, atol=0.0)


@given(st.floats(-0.6, 0.6))
def test_for_equal_lengths_the_averages_over_tokens_agree(shift: float) -> None:
    view = samples([3, 3, 3, 3])
    old = (view.policy - shift).detach()
    expected = slope("grpo", view, old, epsilon_high=0.28)
    torch.testing.assert_close(slope("dr-grpo", view, old, epsilon_high=0.28, max_completion_length=3), expected)
    torch.testing.assert_close(slope("bnpo", view, old, epsilon_high=0.28), expected)
    torch.testing.assert_close(slope("dapo", view, old), expected)


def test_a_long_response_weighs_by_its_tokens_or_like_any_other() -> None:
    view = samples([1, 4, 1, 1])
    shares = {name: slope(name, view)[1].abs().sum() / 0.5 for name in ("grpo", "bnpo", "dr-grpo")}
    assert shares["grpo"].item() == pytest.approx(1 / 4)
    assert shares["bnpo"].item() == pytest.approx(4 / 7)
    assert shares["dr-grpo"].item() == pytest.approx(4 / 256 / 4)


@pytest.mark.parametrize(("name", "moves"), [("grpo", False), ("dapo", False), ("cispo", True), ("sapo", True)])
def test_a_token_far_on_the_improving_side_is_dropped_by_the_clip_alone(name: str, moves: bool) -> None:
    view = samples([2, 2, 2, 2])
    # The policy has moved every token the way its advantage pushes it.
    old = (view.policy - torch.sign(ADVANTAGES).unsqueeze(1)).detach()
    gradient = slope(name, view, old)
    assert bool((gradient != 0).all()) == moves and (moves or bool((gradient == 0).all()))


def test_the_geometric_mean_of_clipped_ratios_is_bounded_whatever_one_token_does() -> None:
    view = samples([2, 2, 2, 2])
    old = view.policy.detach().clone()
    old[0, 0] -= 15.0
    found = build("gmpo")(responses=view, advantage=ADVANTAGES, old_policy=old)
    # exp((0.4 + 0) / 2) · 1 for the first response, 0.5 for the second; then the mean.
    assert found.values[0].item() == pytest.approx((-math.exp(0.2) + 0.5) / 2)
    assert found.statistics["clipped"].tolist() == [0.25, 0.0]


@pytest.mark.parametrize("name", [name for name in EVERY if name != "dapo"])
def test_the_divergence_is_zero_for_equal_models_and_positive_otherwise(name: str) -> None:
    equal, apart = samples([2, 1, 2, 2], -1.0), samples([2, 1, 2, 2], -1.5)
    with_it, without = build(name, beta=0.5), build(name)
    assert with_it.needs.reference and not without.needs.reference
    plain = without(responses=equal, advantage=ADVANTAGES).values
    torch.testing.assert_close(with_it(responses=equal, advantage=ADVANTAGES).values, plain)
    found = with_it(responses=apart, advantage=ADVANTAGES)
    assert (found.values > plain).all()
    torch.testing.assert_close(found.statistics["k3"], torch.full_like(plain, math.exp(-0.5) - 0.5))


@pytest.mark.parametrize("former", ["dr_grpo", "bnpo", "dapo", "cispo", "sapo", "gmpo"])
def test_a_former_loss_type_names_its_objective(former: str) -> None:
    name = former.replace("_", "-")
    with pytest.raises(ConfigurationError, match=rf"loss_type' with the value '{former}'. Use objective {name}\."):
        build("grpo", loss_type=former)
    assert build(name).id == name
    assert loss_of(Case("grpo", {"loss_type": former, "epsilon_high": 1.28}, {}))[0] == name


def test_a_cap_inside_the_clip_is_refused() -> None:
    for name in ("grpo", "dr-grpo", "bnpo"):
        with pytest.raises(ConfigurationError, match=f"objective {name}: 'delta' is 1.1"):
            build(name, delta=1.1)


def test_a_published_case_says_by_its_name_which_loss_its_clip_belongs_to() -> None:
    equal = {"clip_ratio_low": 0.2, "clip_ratio_high": 0.2}
    assert loss_of(Case("grpo", equal, {}, "loss: GMPO clip 0.2")) == (
        "gmpo",
        {"epsilon_low": 0.2, "epsilon_high": 0.2},
    )
    assert loss_of(Case("grpo", equal, {}, "loss: CISPO clip 0.2/0.2")) == ("cispo", {"floor": 0.8, "cap": 1.2})
    with pytest.raises(ConfigurationError, match="no variant 'XYZ'"):
        loss_of(Case("grpo", equal, {}, "loss: XYZ clip 0.2"))
    with pytest.raises(ConfigurationError, match="loss_type 'xyz' is unknown"):
        loss_of(Case("grpo", {"loss_type": "xyz"}, {}))
    dapo = {"loss_type": "dapo", "beta": 0.1, "epsilon_low": 0.2}
    assert loss_of(Case("grpo", dapo, {}))[0] == "bnpo"
