"""Weighted sums of objectives, in Python (``DPO() + 0.2 * NLL()``) and as text (``"dpo+0.2*nll"``)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from penchant.errors import ConfigurationError, nearest
from penchant.objectives import registry
from penchant.objectives.base import Objective
from penchant.objectives.requirements import Requirements
from penchant.objectives.scored import Scored

__all__ = ["WeightedSum", "add", "build_sum", "scale"]

_NUMBER = r"[0-9]*\.?[0-9]+(?:e-?[0-9]+)?"
_TERM = re.compile(rf"(?:({_NUMBER})\*)?([a-z][a-z0-9-]*)")


def _labels(ids: Sequence[str]) -> list[str]:
    """A distinct name for each part: its id, from the second of the same id on with its number (``dpo#2``)."""
    counts = [ids[: place + 1].count(name) for place, name in enumerate(ids)]
    return [name if count == 1 else f"{name}#{count}" for name, count in zip(ids, counts, strict=True)]


class WeightedSum(Objective):
    """A weighted sum of objectives, itself an objective.

    loss = Σ_k w_k loss_k

    It asks for all that its parts ask for. Statistics carry the part's id in front, ``dpo/name``, and each part's own
    loss stands among them. The implicit reward is that of the first part that has one.

    Args:
        terms: pairs of a weight and an objective.

    Raises:
        ConfigurationError: there is no term, or a weight is no finite number.

    Example:
        >>> from penchant.objectives import DPO, NLL
        >>> DPO(beta=0.2) + 0.5 * NLL()
        WeightedSum(DPO(beta=0.2, reference_free=False) + 0.5 * NLL(average=True))
    """

    family = "composite"

    def __init__(self, terms: Sequence[tuple[float, Objective]]) -> None:
        super().__init__()
        if not terms:
            raise ConfigurationError("A weighted sum needs at least one objective.")
        self.weights = [float(weight) for weight, _ in terms]
        if not all(abs(weight) < float("inf") for weight in self.weights):
            raise ConfigurationError(f"The weights of a sum are {self.weights}, expected finite numbers.")
        self.parts = torch.nn.ModuleList([part for _, part in terms])
        self.id = "+".join(
            part.id if weight == 1 else f"{weight:g}*{part.id}"
            for weight, part in zip(self.weights, self.objectives, strict=True)
        )
        self.coupled = any(part.coupled for part in self.objectives)
        self.needs = self.requirements.needs

    @property
    def objectives(self) -> list[Objective]:
        """The parts in order."""
        return list(self.parts)  # type: ignore[arg-type]  # torch does not say what a ModuleList holds

    @property
    def labels(self) -> list[str]:
        """A distinct name for each part: its id, and a number where an id is repeated (``dpo#2``)."""
        return _labels([part.id for part in self.objectives])

    @property
    def hyper(self) -> dict[str, Any]:
        """The hyper-parameters of all parts, each under ``part.name``."""
        labelled = zip(self.labels, self.objectives, strict=True)
        return {f"{label}.{name}": value for label, part in labelled for name, value in part.hyper.items()}

    @property
    def requirements(self) -> Requirements:
        """All views and fields that any part asks for; optional only where no part requires them."""
        wanted = self.objectives[0].requirements
        for part in self.objectives[1:]:
            wanted = wanted | part.requirements
        return wanted

    def loss(self, **inputs: Any) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The weighted sum of the parts' losses, [B], and the parts' losses and statistics."""
        total: Tensor | float = 0.0
        statistics: dict[str, Tensor] = {}
        for label, weight, part in zip(self.labels, self.weights, self.objectives, strict=True):
            result = part.compute(inputs)
            total = total + weight * result.values
            statistics[f"{label}/loss"] = result.values
            statistics.update({f"{label}/{name}": each for name, each in result.statistics.items()})
        assert isinstance(total, Tensor)
        return total, statistics

    def rewards(self, view: Scored) -> Tensor | None:
        """The implicit reward of the first part that implies one, [R]."""
        found = (part.rewards(view) for part in self.objectives)
        return next((each for each in found if each is not None), None)

    def __repr__(self) -> str:
        terms = zip(self.weights, self.objectives, strict=True)
        return f"WeightedSum({' + '.join(repr(o) if w == 1 else f'{w:g} * {o!r}' for w, o in terms)})"


def _terms(objective: Objective) -> list[tuple[float, Objective]]:
    if isinstance(objective, WeightedSum):
        return list(zip(objective.weights, objective.objectives, strict=True))
    return [(1.0, objective)]


def add(first: Objective, second: Objective) -> WeightedSum:
    """The sum of two objectives; sums inside are opened.

    Args:
        first: an objective.
        second: another.

    Example:
        >>> add(registry.build("dpo"), registry.build("nll")).id
        'dpo+nll'
    """
    if not isinstance(second, Objective):
        raise ConfigurationError(f"{second!r} cannot be added to an objective; only an objective can.")
    return WeightedSum(_terms(first) + _terms(second))


def scale(weight: float, objective: Objective) -> WeightedSum:
    """An objective times a number; a sum is scaled term by term.

    Args:
        weight: any finite number.
        objective: an objective.

    Example:
        >>> scale(0.2, registry.build("nll")).id
        '0.2*nll'
    """
    if isinstance(weight, bool) or not isinstance(weight, int | float):
        raise ConfigurationError(f"An objective cannot be multiplied by {weight!r}, only by a number.")
    return WeightedSum([(weight * inner, part) for inner, part in _terms(objective)])


def _owners(labels: Sequence[str], classes: Sequence[type[Objective]]) -> dict[str, list[str]]:
    """For each hyper-parameter's plain name, the parts that have it; ``part.name`` belongs to that part alone."""
    owners: dict[str, list[str]] = {}
    for label, cls in zip(labels, classes, strict=True):
        for name in {name for each in cls.hyperparameters() for name in (each.name, each.attribute)}:
            owners.setdefault(name, []).append(label)
            owners[f"{label}.{name}"] = [label]
    return owners


def build_sum(text: str, hyper: Mapping[str, Any]) -> WeightedSum:
    """Build a weighted sum from text such as ``"dpo+0.2*nll"``.

    Args:
        text: terms ``id`` or ``weight*id`` joined by ``+``.
        hyper: hyper-parameters by name, or by ``part.name`` where several parts have it.

    Raises:
        ConfigurationError: the text is no such sum, or an id or hyper-parameter is unknown or ambiguous.

    Example:
        >>> build_sum("dpo+0.2*nll", {"beta": 0.5, "nll.average": False}).hyper
        {'dpo.beta': 0.5, 'dpo.reference_free': False, 'nll.average': False}
    """
    weights: list[float] = []
    classes: list[type[Objective]] = []
    for term in text.replace(" ", "").split("+"):
        match = _TERM.fullmatch(term)
        if match is None:
            raise ConfigurationError(
                f"{term!r} in {text!r} is no term of a sum.", fix="Write terms like 'dpo' or '0.2*nll', joined by '+'."
            )
        weights.append(float(match[1] or 1))
        classes.append(registry.get(match[2]))
    labels = _labels([cls.id for cls in classes])
    owners = _owners(labels, classes)
    given: dict[str, dict[str, Any]] = {label: {} for label in labels}
    for name, value in hyper.items():
        holders = owners.get(name, [])
        if not holders:
            raise ConfigurationError(f"There is no hyper-parameter {name!r}. {nearest(name, owners)}", where=text)
        if len(holders) > 1:
            choices = " or ".join(f"'{label}.{name}'" for label in holders)
            raise ConfigurationError(
                f"Several parts have a hyper-parameter {name!r}.", where=text, fix=f"Write {choices}."
            )
        given[holders[0]][name.rpartition(".")[2]] = value
    parts = [cls(**given[label]) for label, cls in zip(labels, classes, strict=True)]
    return WeightedSum(list(zip(weights, parts, strict=True)))
