"""Averages of a number per token, of the batch or of each response, and the base of losses that are such averages."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from torch import Tensor

from penchant.objectives.core.objective import Objective, Requirements
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.likelihood_term import NLLAverage
from penchant.objectives.functional.numerics import masked_sum

__all__ = ["PositionAveraged", "TokenAveraged", "token_average"]


def token_average(view: Scored, values: Tensor, average: NLLAverage) -> Tensor:
    """The mean of a number per token, for each response.

    batch: v_i = Σ_t v_it · B / Σ_j |y_j|,   response: v_i = Σ_t v_it / |y_i|

    With ``batch``, the mean over responses is the mean over all tokens of the batch, as in most published code.

    Args:
        view: the responses; their token weights multiply the values.
        values: [R, T].
        average: ``batch`` or ``response``.

    Returns:
        [R].

    Example:
        >>> import torch
        >>> both = Scored(-torch.ones(2, 3), None, torch.tensor([[True, True, True], [True, False, False]]))
        >>> token_average(both, torch.ones(2, 3), "batch"), token_average(both, torch.ones(2, 3), "response")
        (tensor([1.5000, 0.5000]), tensor([1., 1.]))
    """
    total = masked_sum(values if view.weights is None else values * view.weights, view.mask)
    if average == "response":
        return total / view.total_weight
    return total * (max(len(view.length), 1) / view.length.sum().clamp(min=1))


class TokenAveraged(Objective):
    """Base of losses that are an average over tokens: of the batch, which couples its examples, or of each response."""

    tags: ClassVar[tuple[str, ...]] = ("batch",)

    average: Annotated[NLLAverage, "average over the tokens of the batch or of each response"] = "batch"

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        self.batch_coupled = self.average == "batch"


class PositionAveraged(TokenAveraged):
    """Base of losses that are an average over one view of a source, with or without the tokens of its prompts."""

    #: The view whose response tokens count; with its prompts it is ``{view}_joint``.
    view: ClassVar[str]

    positions: Annotated[
        Literal["response", "all"], "tokens that count: those of the responses, or those of the prompts too"
    ] = "response"

    @property
    def requirements(self) -> Requirements:
        """The view, with scored prompts where all tokens count."""
        name = self.view if self.positions == "response" else f"{self.view}_joint"
        return replace(super().requirements, views=(name,))

    def scored(self, views: dict[str, Scored]) -> Scored:
        """The view among the inputs of ``loss``."""
        return views[self.requirements.views[0]]
