"""What methods foresee of the gradients of their statistics is so."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from penchant.objectives import Needs, Objective, Scored, build, get, is_method, names
from penchant.objectives.core.requirements import EVERY_LAYER, UNIT_MEANS

DIVERGENCE = "reference_kl"
FORESEEING = [
    name for name in names() if is_method(name) and (get(name).needs.stats_fixed or get(name).needs.stats_cancel)
]
SETTINGS: dict[str, list[dict[str, Any]]] = {
    "tdpo1": [{"beta": 0.3}],
    "tdpo2": [{"alpha": 0.3}],
    "sparsepo": [{}, {"l1_reward": 0.2, "layers": "last"}],
    "sparsepo-mapo": [{}],
}


def a_view(seed: int) -> tuple[Scored, Tensor, Tensor]:
    """Three responses of four tokens, one of them shorter, and what gets a gradient."""
    generator = torch.Generator().manual_seed(seed)
    policy, reference, divergence = (torch.rand(3, 4, generator=generator) for _ in range(3))
    policy, divergence = (-policy).requires_grad_(), divergence.requires_grad_()
    mask = torch.arange(4) < torch.tensor([[4], [2], [3]])
    inside = {
        EVERY_LAYER: torch.randn(3, 4, 2, 5, generator=generator),
        UNIT_MEANS: torch.rand(3, 4, 2, 2, generator=generator),
    }
    view = Scored(policy, -reference, mask, stats={DIVERGENCE: divergence}, reference_activations=inside)
    return view, policy, divergence


def slopes(objective: Objective) -> dict[str, tuple[Tensor, Tensor]]:
    """By view, the gradients of the loss by log-probabilities and by divergences."""
    found = {name: a_view(seed) for seed, name in enumerate(("chosen", "rejected"))}
    values = objective(**{name: view for name, (view, *_) in found.items()}).values
    parts = [each for _, *both in found.values() for each in both]
    each = torch.autograd.grad(values.sum(), parts, allow_unused=True, materialize_grads=True)
    return {name: (each[2 * at], each[2 * at + 1]) for at, name in enumerate(found)}


def test_every_method_that_foresees_something_is_tried() -> None:
    assert {*FORESEEING, "sparsepo"} == set(SETTINGS)


@pytest.mark.parametrize(("name", "given"), [(name, each) for name, every in SETTINGS.items() for each in every])
def test_it_is_so(name: str, given: dict[str, Any]) -> None:
    objective = build(name, **given)
    needs = objective.requirements.needs
    if needs.reference_states:
        objective.bind_layers(5, 2)
    for view, (logps, divergence) in slopes(objective).items():
        assert logps.any(), "the loss reads the likelihood"
        if view in needs.stats_fixed:
            assert not divergence.any()
        elif needs.stats_cancel:
            assert torch.equal(logps, divergence), "to the last bit, or the policy's distribution is computed again"
        else:
            assert divergence.any()


def test_two_networks_of_masks_have_two_gradients() -> None:
    objective = build("sparsepo", common_mask=False)
    assert not objective.requirements.needs.stats_cancel


@pytest.mark.parametrize(
    ("expression", "fixed", "cancel"),
    [
        ("tdpo2+0.1*nll", {"chosen"}, False),
        ("weighted(tdpo1)", set(), True),
        ("tdpo1+tdpo2", set(), False),
        ("tdpo1+dpo", set(), False),
        ("rrpo+tdpo2", set(), False),
    ],
)
def test_sums_foresee_what_all_parts_do(expression: str, fixed: set[str], cancel: bool) -> None:
    needs = build(expression).requirements.needs
    assert (needs.stats_fixed, needs.stats_cancel) == (fixed, cancel)


def test_a_view_that_the_other_part_does_not_read_stays_fixed() -> None:
    one = Needs(stats=frozenset({DIVERGENCE}), stats_fixed=frozenset({"chosen"}))
    other = Needs(stats=frozenset({DIVERGENCE}), stats_of=frozenset({"rejected"}))
    assert (one | other).stats_fixed == {"chosen"}
