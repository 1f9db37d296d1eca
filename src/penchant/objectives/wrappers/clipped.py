"""Clipped: any objective with its losses clamped to a range."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.wrapper import Wrapper

__all__ = ["Clipped"]


class Clipped(Wrapper):
    """Clamps each example's loss to a range; outside it the gradient is zero.

    loss = min(max(loss, low), high)

    Args:
        objective: the inner objective, whose losses are clipped.
        hyper: ``low`` and ``high``; either may be None.

    Raises:
        ConfigurationError: ``low`` is not below ``high``.

    Example:
        >>> from penchant.objectives import NLL, Scored
        >>> import torch
        >>> view = Scored(torch.tensor([[-9.0], [-1.0]]), None, torch.ones(2, 1, dtype=torch.bool))
        >>> Clipped(NLL(), high=5.0)(chosen=view).values
        tensor([5., 1.])
    """

    id = "clipped"
    tags = ("robust",)

    low: Annotated[float | None, "lower bound of the loss; None for no bound"] = None
    high: Annotated[float | None, "upper bound of the loss; None for no bound"] = None

    def __init__(self, objective: Objective, **hyper: Any) -> None:
        super().__init__(objective, **hyper)
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ConfigurationError(
                f"'low' is {self.low} and 'high' is {self.high}, expected low < high.", where=self.id
            )

    def loss(self, **inputs: Any) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The clipped losses, [B], and whether each was clipped (0 or 1)."""
        result = self.objective.compute(inputs)
        if self.low is None and self.high is None:
            return result.values, result.statistics
        values = result.values.clamp(self.low, self.high)
        return values, {**result.statistics, "clipped": (values != result.values).to(values.dtype)}
