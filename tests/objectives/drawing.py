"""Random inputs for any objective, drawn from what its signature asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from penchant.objectives import Objective, Scored

#: Fields that hold one number for each token of a response.
PER_TOKEN = {"old_policy", "old_values", "returns", "step_index"} | {
    f"{side}_{what}" for side in ("chosen", "rejected") for what in ("token_weights", "phrase_ids", "differs")
}
#: Fields that hold one number for each response of a group.
PER_RESPONSE = {"scores", "ranks", "relevance", "positions"}
#: Fields that hold a whole number, and how many values there are.
INDICES = {"annotator": 2, "pair_class": 4, "class_label": 2}
#: Fields that hold a row of numbers for each example, and how many.
ROWS = {
    "chosen_sources": 3,
    "rejected_sources": 3,
    "chosen_margin_rewards": 1,
    "rejected_margin_rewards": 1,
    "objective_weights": 2,
    "ratings": 2,
    "chosen_ratings": 2,
    "rejected_ratings": 2,
}
#: Views that hold several responses of an example, and how many.
COPIES = {"chosen_degraded": 4, "rejected_degraded": 4, "samples": 3}
#: Numbers of a hidden state.
HIDDEN = 3
#: Layers of a model whose states an objective reads.
LAYERS = 2
#: Responses to each prompt, for objectives of lists.
GROUP = 3


def draw_view(
    generator: torch.Generator, objective: Objective, rows: int, dtype: torch.dtype, tokens: int = 5, each: int = 1
) -> Scored:
    """Responses of different lengths, ``each`` to a prompt, with garbage where the mask is false."""
    examples = rows * each
    policy = -torch.rand(examples, tokens, generator=generator, dtype=torch.float64) * 4 - 0.01
    reference = policy + 0.3 * torch.randn(examples, tokens, generator=generator, dtype=torch.float64)
    lengths = torch.randint(1, tokens + 1, (examples, 1), generator=generator)
    mask = torch.arange(tokens) < lengths
    needs = objective.requirements.needs
    ends = None
    if needs.ends:
        ends = torch.randn(examples, 2, HIDDEN, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()
    norms = {"gradient_norm": 1 + torch.rand(examples, generator=generator).to(dtype)} if needs.gradient_norms else {}
    return Scored(
        policy=policy.masked_fill(~mask, float("nan")).to(dtype).requires_grad_(),
        reference=reference.masked_fill(~mask, float("inf")).to(dtype) if needs.reference else None,
        mask=mask,
        stats={
            str(name): torch.rand(examples, tokens, generator=generator).to(dtype).requires_grad_()
            for name in [*needs.stats, *(["residual_logp"] if needs.residual is not None else [])]
        },
        group=torch.arange(rows).repeat_interleave(each),
        fields=norms,
        hidden=_hidden(generator, mask).to(dtype) if needs.hidden else None,
        ends=ends,
        likelihood=needs.scores,
        activations={layer: _hidden(generator, mask).to(dtype).requires_grad_() for layer in needs.layers},
        reference_activations={layer: _hidden(generator, mask).to(dtype) for layer in needs.layers if needs.reference}
        | {name: _hidden(generator, mask, LAYERS).to(dtype) for name in sorted(needs.reference_states)},
        checkpoints={name: reference.masked_fill(~mask, float("inf")).to(dtype) / 2 for name in needs.checkpoints},
    )


def of_ratios(ratios: Sequence[float] | Tensor, group: Sequence[int] | None = None) -> Scored:
    """Responses of one token each with these log-ratios; ``group`` says which prompt each answers, by default its own.

    Where ``ratios`` is a tensor, gradients reach it.
    """
    values = torch.as_tensor(ratios, dtype=torch.float64).unsqueeze(1)
    reference = torch.full_like(values, -1.0).detach()
    owner = None if group is None else torch.tensor(list(group))
    return Scored(reference + values, reference, torch.ones_like(values) > 0, group=owner)  # type: ignore[arg-type]


def _numbers(generator: torch.Generator, mask: Tensor) -> Tensor:
    return torch.rand(mask.shape, generator=generator)


def _hidden(generator: torch.Generator, mask: Tensor, *more: int) -> Tensor:
    """Hidden states with garbage where the mask is false."""
    states = torch.randn(*mask.shape, *more, HIDDEN, generator=generator, dtype=torch.float64)
    return states.masked_fill(~mask.reshape(*mask.shape, *[1] * (len(more) + 1)), float("nan"))


def random_inputs(
    objective: Objective, seed: int, examples: int = 4, dtype: torch.dtype = torch.float64
) -> dict[str, Any]:
    """A value for every view and field that ``objective`` asks for; the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    wanted = objective.requirements
    if wanted.needs.hidden or wanted.needs.ends:
        objective.bind(HIDDEN)
    if wanted.needs.reference_states:
        objective.bind_layers(HIDDEN, LAYERS)
    inputs: dict[str, Any] = {}
    each = GROUP if PER_RESPONSE & set(wanted.fields) else 1
    for name in wanted.views:
        count = 3 if name in wanted.several else 1
        members = COPIES.get(name, each)
        views = [draw_view(generator, objective, examples, dtype, each=members) for _ in range(count)]
        inputs[name] = views if name in wanted.several else views[0]
    for name in wanted.fields:
        if name == "record_index":  # no two examples are the same record
            inputs[name] = torch.arange(examples, dtype=torch.float32)
            continue
        rows = examples * each if name in PER_RESPONSE | PER_TOKEN else examples
        shape = (rows, 5) if name in PER_TOKEN else (rows, ROWS[name]) if name in ROWS else (rows,)
        if name == "step_index":  # steps follow one another
            inputs[name] = torch.randint(0, 2, shape, generator=generator).cumsum(-1).clamp(min=1).float()
            continue
        if name in INDICES:
            inputs[name] = torch.randint(0, INDICES[name], shape, generator=generator).float()
            continue
        if name.endswith(("phrase_ids", "differs")):
            inputs[name] = torch.randint(0, 2, shape, generator=generator).float()
            continue
        # What the data say comes in float32 at least, whatever the models compute in.
        wide = torch.promote_types(dtype, torch.float32)
        inputs[name] = torch.rand(shape, generator=generator, dtype=torch.float64).to(wide)
    return inputs


def views_of(inputs: dict[str, Any]) -> list[Scored]:
    """All views among the inputs, those in lists too."""
    nested = [each if isinstance(each, list) else [each] for each in inputs.values()]
    return [view for each in nested for view in each if isinstance(view, Scored)]


def select(inputs: dict[str, Any], rows: list[int]) -> dict[str, Any]:
    """The examples ``rows`` of all inputs, in that order."""
    groups = [view.group for view in views_of(inputs)]
    index = torch.tensor(rows)

    def members(group: Tensor) -> Tensor:
        return torch.cat([(group == row).nonzero().flatten() for row in rows])

    responses = members(groups[0])

    def pick(each: Any, name: str) -> Any:
        if isinstance(each, list):
            return [pick(inner, name) for inner in each]
        if isinstance(each, Scored):
            return each.select(members(each.group))
        return each[responses if name in PER_RESPONSE | PER_TOKEN else index]

    return {name: pick(each, name) for name, each in inputs.items()}


def filled(inputs: dict[str, Any], policy: float, reference: float) -> dict[str, Any]:
    """The same inputs with one log-probability everywhere."""

    def fill(each: Any) -> Any:
        if isinstance(each, list):
            return [fill(inner) for inner in each]
        if not isinstance(each, Scored):
            return each
        return replace(
            each,
            policy=torch.full_like(each.policy, policy).detach().requires_grad_(),
            reference=None if each.reference is None else torch.full_like(each.reference, reference),
        )

    return {name: fill(each) for name, each in inputs.items()}


def leaf(view: Scored) -> str:
    """The part of a view that a loss acts on: log-probabilities, or the states that a reward head reads."""
    return "policy" if view.likelihood else "ends"


def gradients(loss: Tensor, inputs: dict[str, Any]) -> list[Tensor]:
    """The gradient of ``loss`` in every view's `leaf`; zeros where a view plays no part."""
    leaves = [getattr(view, leaf(view)) for view in views_of(inputs)]
    return list(torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True))
