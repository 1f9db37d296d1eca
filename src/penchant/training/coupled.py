"""`CoupledStep`: an objective whose examples depend on the whole step, computed in micro-batches and on processes.

The step is scored twice. First without gradient, part by part; the loss of the whole step is computed from the numbers
that objectives see, and differentiated by them. Then part by part with gradient, where each part continues these
derivatives into the model. Loss and gradients are those of the undivided step; memory is that of one part, and a step
takes one more forward pass of the policy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from penchant.forest.collate import AnyBatch
from penchant.objectives.core.objective import Losses, Objective
from penchant.objectives.core.requirements import Needs
from penchant.objectives.core.scored import Scored

__all__ = ["CoupledStep", "Part", "continued", "later_needs"]


@dataclass(frozen=True)
class Part:
    """A micro-batch as the objective sees it.

    Args:
        views: its views, without gradient.
        fields: its record fields.
        weights: [B] weight of each example in the loss.
        places: [B] the place of each example in the step.
    """

    views: dict[str, Scored]
    fields: dict[str, Tensor]
    weights: Tensor
    places: Tensor

    @classmethod
    def of(cls, views: Mapping[str, Scored], batch: AnyBatch, places: Sequence[int]) -> Part:
        """The part of a batch and its views, detached."""
        apart = {name: mapped(scored, torch.Tensor.detach) for name, scored in views.items()}
        return cls(apart, batch.fields, batch.weights, torch.tensor(places, device=batch.weights.device))

    def to(self, device: torch.device | str) -> Part:
        """The same part on another device."""
        return Part(
            {name: mapped(scored, lambda values: values.to(device)) for name, scored in self.views.items()},
            {name: values.to(device) for name, values in self.fields.items()},
            self.weights.to(device),
            self.places.to(device),
        )


def mapped(scored: Scored, change: Callable[[Tensor], Tensor]) -> Scored:
    """A view with a function applied to each of its tensors.

    Args:
        scored: the view.
        change: the function.
    """
    tables = ("stats", "fields", "activations", "reference_activations")
    single = ("policy", "reference", "mask", "group", "weights", "reference_weights", "hidden", "ends")
    changed: dict[str, Any] = {
        name: None if (values := getattr(scored, name)) is None else change(values) for name in single
    }
    for name in tables:
        changed[name] = {key: change(values) for key, values in getattr(scored, name).items()}
    return replace(scored, **changed)


class CoupledStep:
    """The losses of a step by part, and what continues them into the model.

    Args:
        objective: the loss.
        parts: all parts of the step in order, those of other processes included; None for one that only fills a
            micro-batch.
        first: number of this process's first part.

    Example:
        >>> from penchant.objectives import build
        >>> mask = torch.ones(1, 1, dtype=torch.bool)
        >>> view = Scored(torch.tensor([[-1.0]]), torch.tensor([[-1.0]]), mask)
        >>> views, label = {"responses": view, "mismatched": view}, {"label": torch.tensor([1.0])}
        >>> parts = [Part(views, label, torch.ones(1), torch.tensor([place])) for place in (1, 0)]
        >>> CoupledStep(build("kto"), parts, 0).losses(1).values
        tensor([0.5000])
    """

    def __init__(self, objective: Objective, parts: Sequence[Part | None], first: int) -> None:
        self.parts, self.first = parts, first
        kept = [part for part in parts if part is not None]
        # As in the undivided step: an objective may draw examples by their place.
        order = torch.argsort(torch.cat([part.places for part in kept]))
        whole, leaves = _joined(kept, order)
        with torch.enable_grad():
            found_whole = objective.compute(whole)
            weights = torch.cat([part.weights for part in kept])[order]
            total = torch.where(weights > 0, found_whole.values * weights, 0.0).sum()
        self.values = _returned(found_whole.values.detach(), order)
        self.statistics = {
            name: _returned(each, order) if each.shape == self.values.shape else each
            for name, each in found_whole.statistics.items()
        }
        self.own = [each for each in objective.parameters() if each.requires_grad]
        wanted = [*(leaf for leaf, _rows_of_it in leaves.values()), *self.own]
        found: Sequence[Tensor | None] = [None] * len(wanted)
        if total.requires_grad:
            found = torch.autograd.grad(total, wanted, allow_unused=True)
        self.slopes = {
            key: None if slope is None else _returned(slope, rows)
            for (key, (_leaf, rows)), slope in zip(leaves.items(), found, strict=False)
        }
        self.own_slopes = found[len(leaves) :]

    def losses(self, number: int) -> Losses:
        """The losses and statistics of this process's part ``number``, without gradient."""
        place = self.first + number
        sizes = [0 if part is None else len(part.weights) for part in self.parts]
        start = sum(sizes[:place])
        values = self.values
        # A statistic of the whole step counts once.
        leading = place == next(index for index, size in enumerate(sizes) if size)
        statistics = {}
        for name, found in self.statistics.items():
            each = found.shape == values.shape
            statistics[name] = found[start : start + sizes[place]] if each else found[: len(found) * leading]
        if not sizes[place]:
            return Losses(values.new_zeros(1), {name: each[:0] for name, each in statistics.items()})
        return Losses(values[start : start + sizes[place]], statistics)

    def tie(self, number: int, views: Mapping[str, Scored]) -> Tensor:
        """A scalar of value 0 whose gradient is that of the weighted sum of the step's losses through this part.

        Args:
            number: of this process's part.
            views: its views, scored again with gradient.
        """
        place = self.first + number
        tie = torch.zeros((), device=next(iter(views.values())).mask.device)
        for name, scored in views.items():
            for key, values in _numbers(scored).items():
                tie = tie + self._continued(place, name, key, values)
        if number == 0:
            for parameter, slope in zip(self.own, self.own_slopes, strict=True):
                if slope is not None:
                    # Gradients are averaged over processes, and the losses of all are scaled by their number.
                    tie = tie + continued(parameter, slope if place == 0 else torch.zeros_like(slope))
        return tie

    def _continued(self, place: int, name: str, key: str, values: Tensor) -> Tensor | float:
        if not values.requires_grad:
            return 0.0
        slope = self.slopes.get((name, key))
        if slope is None or self.parts[place] is None:
            return continued(values, torch.zeros_like(values))
        start = sum(
            len(part.views[name].mask) for part in self.parts[:place] if part is not None and name in part.views
        )
        rows = slope[start : start + len(values)]
        per_token = values.dim() > 1 and key != "ends"
        return continued(values, rows[:, : values.shape[1]] if per_token else rows)


def continued(values: Tensor, slope: Tensor) -> Tensor:
    """A scalar of value 0 whose gradient by ``values`` is ``slope``.

    Args:
        values: of any shape, with gradient.
        slope: of the same shape.

    Example:
        >>> values = torch.ones(2, requires_grad=True)
        >>> continued(values, torch.tensor([2.0, 3.0])).backward()
        >>> values.grad
        tensor([2., 3.])
    """
    # Where nothing is scored, values may be infinite; 0 · inf is NaN.
    product = torch.where(slope == 0, 0.0, values * slope).sum()
    return product - product.detach()


def later_needs(needs: Needs) -> Needs:
    """What must be computed when a part is scored again: the reference answers once, if it can.

    Args:
        needs: of the objective.
    """
    states = bool(needs.layers or needs.reference_states)
    reference = needs.reference and (needs.compares or states or not needs.likelihood)
    return replace(needs, reference=reference, gradient_norms=False)


def _numbers(scored: Scored) -> dict[str, Tensor]:
    """The tensors of a view through which a loss depends on the policy."""
    found = {"policy": scored.policy, "hidden": scored.hidden, "ends": scored.ends}
    found |= {f"stats {name}": values for name, values in scored.stats.items()}
    found |= {f"activations {name}": values for name, values in scored.activations.items()}
    return {name: values for name, values in found.items() if values is not None}


def _joined(
    parts: Sequence[Part], order: Tensor
) -> tuple[dict[str, Any], dict[tuple[str, str], tuple[Tensor, Tensor]]]:
    """The inputs of the whole step, and by view and name the leaves through which it depends on the policy.

    Beside each leaf stands the order in which the rows of the parts are in it.
    """
    inputs: dict[str, Any] = {}
    leaves: dict[tuple[str, str], tuple[Tensor, Tensor]] = {}
    rank = _returned(torch.arange(len(order), device=order.device), order)
    rows_of: dict[int, Tensor] = {len(order): order}
    for name in dict.fromkeys(name for part in parts for name in part.views):
        group = rank[torch.cat(_groups(parts, name))]
        rows = torch.argsort(group, stable=True)
        rows_of.setdefault(len(rows), rows)
        stacked = _stacked([part.views[name] for part in parts if name in part.views], group)
        scored = inputs[name] = mapped(stacked, lambda values, rows=rows: values[rows])  # type: ignore[misc]
        for key, values in _numbers(scored).items():
            if values.is_floating_point():
                leaves[name, key] = values.requires_grad_(), rows
    for name in parts[0].fields:
        values = _rows([part.fields[name] for part in parts])
        inputs[name] = values[rows_of[len(values)]]
    return inputs, leaves


def _returned(values: Tensor, order: Tensor) -> Tensor:
    """The inverse of ``values[order]``."""
    found = torch.empty_like(values)
    found[order] = values
    return found


def _groups(parts: Sequence[Part], name: str) -> list[Tensor]:
    """For each part with this view the examples of its responses, numbered through the step."""
    found, start = [], 0
    for part in parts:
        if name in part.views:
            found.append(part.views[name].group + start)
        start += len(part.weights)
    return found


def _stacked(views: Sequence[Scored], group: Tensor) -> Scored:
    first = views[0]
    single = ("policy", "reference", "mask", "hidden", "weights", "reference_weights")
    joined: dict[str, Any] = {
        name: None if getattr(first, name) is None else _rows([getattr(view, name) for view in views])
        for name in single
    }
    for name in ("stats", "fields", "activations", "reference_activations"):
        joined[name] = {key: _rows([getattr(view, name)[key] for view in views]) for key in getattr(first, name)}
    joined["ends"] = None if first.ends is None else torch.cat([view.ends for view in views if view.ends is not None])
    return replace(first, group=group, **joined)


def _rows(tables: Sequence[Tensor]) -> Tensor:
    """Rows of tables of different widths as one table, padded with zeros."""
    if tables[0].dim() == 1:
        return torch.cat(list(tables))
    width = max(table.shape[1] for table in tables)
    padded = [
        table if table.shape[1] == width else torch.cat([table, table.new_zeros(_gap(table, width))], dim=1)
        for table in tables
    ]
    return torch.cat(padded)


def _gap(table: Tensor, width: int) -> tuple[int, ...]:
    return (len(table), width - table.shape[1], *table.shape[2:])
