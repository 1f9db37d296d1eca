"""Merging by averages: linear, SLERP and model stock."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.training.merging.rules import MergeRule, Tensors
from penchant.training.merging.values import inner_products

__all__ = ["Linear", "ModelStock", "Slerp", "weighted_sum"]

# Below this norm a tensor has no direction.
_NO_NORM = 1e-8


class Linear(MergeRule):
    """The weighted mean of the models, Σ aᵢ Wᵢ / Σ aᵢ; with equal weights the uniform soup (arXiv 2203.05482)."""

    id = "linear"
    least = 1

    weights: Annotated[list[float] | None, "one weight a model; equal if absent"] = None
    normalize: Annotated[bool, "divide by the sum of the weights"] = True

    def check(self, models: int, has_base: bool) -> None:
        """See `MergeRule.check`."""
        super().check(models, has_base)
        if self.normalize and abs(math.fsum(self._weights(models))) < 1e-12:
            raise ConfigurationError(
                "The weights add up to 0.", where="weights", fix="Give others, or normalize=false for their plain sum."
            )

    def merged(self, tensors: Tensors) -> Iterator[Tensor]:
        """See `MergeRule.merged`."""
        weights = self._weights(len(tensors.models))
        divisor = math.fsum(weights) if self.normalize else 1.0
        # A weight of 0 leaves a model out even where it is not finite.
        used = [(weight / divisor, each) for weight, each in zip(weights, tensors.models, strict=True) if weight]
        if not used:
            yield from (torch.zeros_like(part) for part in tensors.models[0].parts())
            return
        shares = [share for share, _ in used]
        for parts in zip(*(each.parts() for _, each in used), strict=True):
            yield weighted_sum(parts, shares)


def weighted_sum(parts: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Σ aᵢ Wᵢ of parts.

    Example:
        >>> weighted_sum((torch.tensor([1.0]), torch.tensor([2.0])), [0.5, 2.0])
        tensor([4.5000])
    """
    total = parts[0] * weights[0]
    for part, weight in zip(parts[1:], weights[1:], strict=True):
        total.add_(part, alpha=weight)
    return total


class Slerp(MergeRule):
    """Spherical interpolation between two models, tensor by tensor.

    With the angle θ between the two tensors as vectors: [sin((1−t)θ) a + sin(tθ) b] / sin θ, on the tensors as they
    are, not normalised. Tensors that are nearly parallel, or opposite, are interpolated linearly.
    """

    id = "slerp"
    most = 2

    t: Annotated[float, Interval(ge=0, le=1), "0 is the first model, 1 the second"] = 0.5
    schedule: Annotated[
        list[float] | None,
        "t of the layers from the first to the last, interpolated between these; t itself holds outside of the layers",
    ] = None
    dot_threshold: Annotated[float, Interval(gt=0, le=1), "cosine above which tensors count as parallel"] = 0.9995

    def check(self, models: int, has_base: bool) -> None:
        """See `MergeRule.check`."""
        super().check(models, has_base)
        if self.schedule is not None and not (self.schedule and all(0 <= each <= 1 for each in self.schedule)):
            raise ConfigurationError(
                f"The schedule is {self.schedule}.", where="schedule", fix="Give one or more numbers from 0 to 1."
            )

    def merged(self, tensors: Tensors) -> Iterator[Tensor]:
        """See `MergeRule.merged`."""
        first, second = self._shares(tensors)
        for a, b in zip(*(each.parts() for each in tensors.models), strict=True):
            # The ends are the models themselves, bit for bit, where the other one is not finite too.
            yield a if second == 0 else b if first == 0 else weighted_sum((a, b), [first, second])

    def _shares(self, tensors: Tensors) -> tuple[float, float]:
        """The factors of the first and the second tensor."""
        t = self._position(tensors.depth)
        if t in (0.0, 1.0):
            return 1.0 - t, t
        table = inner_products(tensors.models)
        norms = [max(float(table[k, k]), 0.0) ** 0.5 for k in range(2)]
        scale = math.prod(norm if norm > _NO_NORM else 1.0 for norm in norms)
        cosine = float(table[0, 1]) / scale
        if abs(cosine) > self.dot_threshold or math.isnan(cosine):
            return 1.0 - t, t
        angle = math.acos(cosine)
        return math.sin((1.0 - t) * angle) / math.sin(angle), math.sin(t * angle) / math.sin(angle)

    def _position(self, depth: float | None) -> float:
        if self.schedule is None or depth is None:
            return self.t
        place = depth * (len(self.schedule) - 1)
        before = min(int(place), len(self.schedule) - 1)
        after = min(before + 1, len(self.schedule) - 1)
        return self.schedule[before] + (place - before) * (self.schedule[after] - self.schedule[before])


class ModelStock(MergeRule):
    """Between the base and the mean of the tuned models, as near to the mean as they agree (arXiv 2403.19522, eq. 3).

    With the mean cosine c of the task vectors of k models: t = k c / (1 + (k−1) c), and t · mean + (1−t) · base.
    """

    id = "model-stock"
    needs_base = True

    def merged(self, tensors: Tensors) -> Iterator[Tensor]:
        """See `MergeRule.merged`."""
        count = len(tensors.models)
        share = self._share(tensors)
        weights = [share / count] * count
        assert tensors.base is not None
        for base, *parts in zip(tensors.base.parts(), *(each.parts() for each in tensors.models), strict=True):
            yield weighted_sum((base, *parts), [1.0 - share, *weights])

    def _share(self, tensors: Tensors) -> float:
        """How much of the mean is taken."""
        table = inner_products(tensors.task_vectors())
        norms = table.diagonal().clamp(min=0.0).sqrt().clamp(min=_NO_NORM)
        cosines = table / norms[:, None] / norms[None]
        count = len(tensors.models)
        mean = float((cosines.sum() - cosines.diagonal().sum()) / (count * (count - 1)))
        # Task vectors that oppose each other on average share no direction: nothing is taken.
        mean = min(max(mean, 0.0), 1.0)
        return count * mean / (1.0 + (count - 1) * mean)
