"""What is to be forgotten and what is to be kept, in the data of any objective, and its gradients batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.forest.batching import deal_places
from penchant.forest.collate import AnyBatch
from penchant.forest.example import Example
from penchant.likelihood.core import device_of
from penchant.likelihood.references.none import NoReference
from penchant.objectives.core.requirements import Needs
from penchant.objectives.core.scored import Scored
from penchant.training.parameters.strategy import Start

__all__ = ["Role", "activations", "alone", "gradients", "has_role", "members"]

Role = Literal["forget", "retain"]

# Views by role, the first that an objective has. Refusals stand for what replaces a forgotten answer.
VIEWS: dict[Role, tuple[str, ...]] = {
    "forget": ("idk", "forget", "forget_joint", "rejected", "bad"),
    "retain": ("retain", "retain_joint", "chosen", "good"),
}
# Responses of both kinds with a label: 0 is to be forgotten, 1 is to be kept.
LABELLED, LABEL = "responses", "label"
WORDS: dict[Role, str] = {"forget": "to be forgotten", "retain": "to be kept"}


@dataclass(frozen=True)
class _Choice:
    """A view, and the label that its examples must have."""

    view: str
    label: float | None = None


def _choice(start: Start, role: Role) -> _Choice:
    wanted = start.objective.requirements
    view = next((each for each in VIEWS[role] if each in wanted.views), None)
    if view is not None:
        return _Choice(view)
    if LABELLED in wanted.views and LABEL in wanted.fields:
        return _Choice(LABELLED, 1.0 if role == "retain" else 0.0)
    raise ConfigurationError(
        f"The objective {start.objective!r} has no responses that are {WORDS[role]}: it reads "
        f"{', '.join(wanted.views)}.",
        where="parameters",
        why="Which weights move follows from the gradients of what is to be forgotten and of what is to be kept.",
        fix="Add a term for them (for example + retain-nll), or choose a strategy that reads none (magnitude, random).",
    )


def members(start: Start, role: Role) -> Iterator[Example]:
    """Every example of a role once, in the order of the data, with the view of that role alone.

    Args:
        start: the run.
        role: which set.

    Raises:
        ConfigurationError: the objective has no such responses, or the data have none.
    """
    choice, found = _choice(start, role), False
    for examples in (start.supply.examples, *start.supply.beside.values()):
        for example in examples:
            label = example.fields.get(LABEL)
            labels = label if isinstance(label, list) else [label]
            rows = example.views.get(choice.view, [])
            if choice.label is not None:
                rows = [row for row, each in zip(rows, labels, strict=True) if (each > 0.5) == (choice.label > 0.5)]
            if rows:
                found = True
                yield Example({choice.view: rows}, {}, example.weight, example.source)
    if not found:
        raise ConfigurationError(
            f"The data hold no response that is {WORDS[role]} (view {choice.view!r}).",
            where="data",
            fix="Give at least one, or choose a strategy that reads none (magnitude, random).",
        )


def has_role(start: Start, role: Role) -> None:
    """Refuse a run without examples of a role.

    Raises:
        ConfigurationError: as `members`.
    """
    next(iter(members(start, role)))


def gradients(start: Start, role: Role) -> dict[str, Tensor]:
    """Σ over batches of the gradient of a batch's mean NLL, nats per token, in one pass over a set.

    Dropout is off. Memory beside the weights: one gradient, and the activations of one micro-batch.

    Args:
        start: the run.
        role: which set.

    Returns:
        The gradient of every trained weight; zeros where none arrived.

    Raises:
        ConfigurationError: there is no such set, or a gradient is not finite.
    """
    trained = {name: each for name, each in start.model.named_parameters() if each.requires_grad}
    start.model.zero_grad(set_to_none=True)
    for batch in _batches(start, role):
        tokens = sum(row.length for each in batch for view in each.views.values() for row in view)
        for view in _scored(start, batch, Needs()):
            (-view.logp.sum() / tokens).backward()
    found = {name: torch.zeros_like(each) if each.grad is None else each.grad for name, each in trained.items()}
    start.model.zero_grad(set_to_none=True)
    bad = next((name for name, each in found.items() if not bool(torch.isfinite(each.sum()))), None)
    if bad is not None:
        raise ConfigurationError(
            f"The gradient of what is {WORDS[role]} is not finite in {bad!r}.",
            where="parameters",
            fix="Use precision=float32.",
        )
    return found


def activations(start: Start, role: Role, layers: list[str]) -> dict[str, Tensor]:
    """Σ h hᵀ over the response tokens of a set, [D, D] float64, for the outputs h of layers.

    Args:
        start: the run.
        role: which set.
        layers: paths of the layers.
    """
    sums: dict[str, Tensor] = {}
    for batch in _batches(start, role):
        with torch.no_grad():
            for view in _scored(start, batch, Needs(layers=frozenset(layers))):
                for layer in layers:
                    states = view.activation(layer)[view.mask].double()
                    moment = states.T @ states
                    sums[layer] = sums[layer] + moment if layer in sums else moment
    return sums


def alone(start: Start, role: Role, needs: Needs) -> Iterator[tuple[Example, list[Scored]]]:
    """Every example of a role with its views, in a forward pass of its own: nothing is shared or padded.

    Args:
        start: the run.
        role: which set.
        needs: what the views have.
    """
    for example in members(start, role):
        yield example, list(_scored(start, [example], needs))


def _batches(start: Start, role: Role) -> Iterator[list[Example]]:
    found = members(start, role)
    while batch := list(islice(found, start.batch_size)):
        yield batch


def _scored(start: Start, batch: list[Example], needs: Needs) -> Iterator[Scored]:
    """The views of a batch, micro-batch by micro-batch."""
    parts = deal_places([each.size for each in batch], min(start.parts, len(batch)))
    for part in parts:
        laid: AnyBatch = start.scorer.collate([batch[place] for place in part]).to(device_of(start.scorer.core))
        with start.autocast():
            views = start.scorer.score_batch(laid, NoReference(), needs)
        yield from views.values()
