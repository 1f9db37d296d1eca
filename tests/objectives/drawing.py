"""Random inputs for any objective, drawn from what its signature asks for."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from penchant.objectives import Objective, Scored

#: Fields that hold one number for each token of a response.
PER_TOKEN = {"old_policy"}


def draw_view(
    generator: torch.Generator, objective: Objective, examples: int, dtype: torch.dtype, tokens: int = 5
) -> Scored:
    """Responses of different lengths, with garbage where the mask is false."""
    policy = -torch.rand(examples, tokens, generator=generator, dtype=torch.float64) * 4 - 0.01
    reference = policy + 0.3 * torch.randn(examples, tokens, generator=generator, dtype=torch.float64)
    lengths = torch.randint(1, tokens + 1, (examples, 1), generator=generator)
    mask = torch.arange(tokens) < lengths
    needs = objective.requirements.needs
    return Scored(
        policy=policy.masked_fill(~mask, float("nan")).to(dtype).requires_grad_(),
        reference=reference.masked_fill(~mask, float("inf")).to(dtype) if needs.reference else None,
        mask=mask,
        stats={name: torch.rand(examples, tokens, generator=generator).to(dtype) for name in needs.stats},
    )


def random_inputs(
    objective: Objective, seed: int, examples: int = 4, dtype: torch.dtype = torch.float64
) -> dict[str, Any]:
    """A value for every view and field that ``objective`` asks for; the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    wanted = objective.requirements
    inputs: dict[str, Any] = {}
    for name in wanted.views:
        views = [draw_view(generator, objective, examples, dtype) for _ in range(3 if name in wanted.several else 1)]
        inputs[name] = views if name in wanted.several else views[0]
    for name in wanted.fields:
        shape = (examples, 5) if name in PER_TOKEN else (examples,)
        # What the data say comes in float32 at least, whatever the models compute in.
        wide = torch.promote_types(dtype, torch.float32)
        inputs[name] = torch.rand(shape, generator=generator, dtype=torch.float64).to(wide)
    return inputs


def views_of(inputs: dict[str, Any]) -> list[Scored]:
    """All views among the inputs, those in lists too."""
    nested = [each if isinstance(each, list) else [each] for each in inputs.values()]
    return [view for each in nested for view in each if isinstance(view, Scored)]


def select(inputs: dict[str, Any], rows: list[int]) -> dict[str, Any]:
    """The examples ``rows`` of all inputs, in that order; every example has one row here."""

    def pick(each: Any) -> Any:
        if isinstance(each, list):
            return [pick(inner) for inner in each]
        index = torch.tensor(rows)
        return each.select(index) if isinstance(each, Scored) else each[index]

    return {name: pick(each) for name, each in inputs.items()}


def filled(inputs: dict[str, Any], policy: float, reference: float) -> dict[str, Any]:
    """The same inputs with one log-probability everywhere."""

    def fill(each: Any) -> Any:
        if isinstance(each, list):
            return [fill(inner) for inner in each]
        if not isinstance(each, Scored):
            return each
        return Scored(
            policy=torch.full_like(each.policy, policy).detach().requires_grad_(),
            reference=None if each.reference is None else torch.full_like(each.reference, reference),
            mask=each.mask,
            stats=each.stats,
        )

    return {name: fill(each) for name, each in inputs.items()}


def gradients(loss: Tensor, inputs: dict[str, Any]) -> list[Tensor]:
    """The gradient of ``loss`` in every view's policy; zeros where a view plays no part."""
    leaves = [view.policy for view in views_of(inputs)]
    return list(torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True))
