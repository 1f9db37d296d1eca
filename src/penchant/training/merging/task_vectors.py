"""Merging of task vectors, what each tuning changed: task arithmetic, TIES, DARE and magnitude pruning."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import torch
from annotated_types import Ge, Interval
from torch import Tensor

from penchant.training.merging.averages import weighted_sum
from penchant.training.merging.rules import MergeRule, Tensors
from penchant.training.merging.values import Dropped, Trimmed, Values

__all__ = ["Dare", "MagnitudePrune", "TaskArithmetic", "TaskVectorRule", "Ties"]

SignMethod = Literal["total", "frequency"]


class TaskVectorRule(MergeRule, ABC):
    """Rules that add what the tunings changed to the base: W₀ + λ · (a combination of the task vectors Wᵢ − W₀)."""

    needs_base = True
    least = 1

    weights: Annotated[list[float] | None, "one weight a model; 1 if absent, and negative to forget"] = None
    scale: Annotated[float, "factor λ of the merged task vector"] = 1.0

    def merged(self, tensors: Tensors) -> Iterator[Tensor]:
        """See `MergeRule.merged`."""
        weights = self._weights(len(tensors.models))
        vectors = self.prepared(tensors)
        moves = (self.combined(parts, weights) for parts in zip(*(each.parts() for each in vectors), strict=True))
        if tensors.base is None:
            yield from (move * self.scale for move in moves)
            return
        for base, move in zip(tensors.base.parts(), moves, strict=True):
            yield base + self.scale * move

    def prepared(self, tensors: Tensors) -> Sequence[Values]:
        """The task vectors, with what is left out of them as zero.

        Args:
            tensors: of all models; without a base they are task vectors already.
        """
        return tensors.task_vectors()

    def combined(self, parts: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        """One task vector of several.

        Args:
            parts: of each task vector.
            weights: of each model.
        """
        return weighted_sum(parts, weights)


class TaskArithmetic(TaskVectorRule):
    """The base plus the weighted sum of task vectors, W₀ + λ Σ aᵢ (Wᵢ − W₀) (arXiv 2212.04089)."""

    id = "task-arithmetic"


class MagnitudePrune(TaskVectorRule):
    """Task arithmetic with the largest entries of each task vector alone."""

    id = "magnitude-prune"

    density: Annotated[float, Interval(gt=0, le=1), "share of the entries that is kept"] = 0.5

    def prepared(self, tensors: Tensors) -> Sequence[Values]:
        """See `TaskVectorRule.prepared`."""
        return [Trimmed(each, self.density) for each in tensors.task_vectors()]


class Ties(TaskVectorRule):
    """TIES: trim each task vector, elect a sign for each entry, average those that agree with it (arXiv 2306.01708).

    The sign is elected before the weights apply, and the weighted entries are divided by how many agree, as in peft;
    mergekit weights first and divides by the sum of the weights that agree.
    """

    id = "ties"

    density: Annotated[float, Interval(gt=0, le=1), "share of the entries of each task vector that is kept"] = 0.5
    sign_method: Annotated[SignMethod, "elect the sign of the sum (total), or of most models (frequency)"] = "total"

    def prepared(self, tensors: Tensors) -> Sequence[Values]:
        """See `TaskVectorRule.prepared`."""
        return [Trimmed(each, self.density) for each in tensors.task_vectors()]

    def combined(self, parts: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        """See `TaskVectorRule.combined`."""
        return elected_mean(parts, weights, self.sign_method)


class Dare(TaskVectorRule):
    """DARE: drop entries of each task vector at random and rescale the others, then add them or merge by TIES.

    Which entries are dropped follows from the seed, the model's place and the tensor's name (arXiv 2311.03099).
    """

    id = "dare"

    density: Annotated[float, Interval(gt=0, le=1), "probability that an entry is kept"] = 0.5
    then: Annotated[Literal["linear", "ties"], "how the task vectors are combined after dropping"] = "linear"
    sign_method: Annotated[SignMethod, "for ties: the sign of the sum (total), or of most models (frequency)"] = "total"
    seed: Annotated[int, Ge(0), "seed of what is dropped"] = 0

    def prepared(self, tensors: Tensors) -> Sequence[Values]:
        """See `TaskVectorRule.prepared`."""
        vectors = enumerate(tensors.task_vectors())
        return [Dropped(each, self.density, self.seed, f"{place} {tensors.name}") for place, each in vectors]

    def combined(self, parts: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
        """See `TaskVectorRule.combined`."""
        return weighted_sum(parts, weights) if self.then == "linear" else elected_mean(parts, weights, self.sign_method)


def elected_mean(parts: Sequence[Tensor], weights: Sequence[float], sign_method: SignMethod) -> Tensor:
    """Σ of the weighted entries that have the elected sign, divided by their number; 0 where none has.

    Example:
        >>> elected_mean([torch.tensor([3.0, 1.0]), torch.tensor([-1.0, 2.0])], [1.0, 1.0], "total")
        tensor([3.0000, 1.5000])
    """
    ballots = (part if sign_method == "total" else part.sign() for part in parts)
    total = torch.zeros_like(parts[0])
    for ballot in ballots:
        total += ballot
    elected = torch.where(total >= 0, 1.0, -1.0).to(total.dtype)  # a sum of zero counts as positive
    summed, agreeing = torch.zeros_like(total), torch.zeros_like(total)
    for part, weight in zip(parts, weights, strict=True):
        agrees = part.sign() == elected
        summed.add_(part * agrees, alpha=weight)
        agreeing += agrees
    return summed / agreeing.clamp(min=1)
