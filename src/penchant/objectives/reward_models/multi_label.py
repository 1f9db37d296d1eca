"""Regression of several ratings of a response, which one weighted sum makes a reward."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Le
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.evidence import PAPER
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.heads import Head
from penchant.objectives.functional.rating_regression import VerbosityPenalty, masked_squares

__all__ = ["MultiObjectiveRewardRegression"]


class MultiObjectiveRewardRegression(Objective):
    """Multi-label reward regression (Li et al., 2025): one model of several aspects of a response.

    loss = (1 / |present|) Σ_{k present} (r̂_k − r_k)²,   R = Σ_k w_k r̂_k

    A linear head on the hidden state at the last token gives K numbers. The record field ``ratings`` of a single
    response has K ratings, null where one is missing; a record without any costs nothing. R is what the trained model
    says as a judge. Ratings on different scales are best brought to one scale before. With ``verbosity`` v,
    R is made of r̂'_k = r̂_k − λ_k r̂_v, so that it does not reward length (ArmoRM; Wang et al., 2024). λ_k is the
    smallest of a grid with Spearman(r̂'_k, r̂_v) ≤ ``verbosity_threshold`` on training responses. It is found after the
    last step and saved with the model.

    Example:
        >>> view = Scored(torch.zeros(1, 2), None, torch.ones(1, 2) > 0, ends=torch.zeros(1, 2, 4))
        >>> objective = MultiObjectiveRewardRegression(labels=3)
        >>> objective.bind(4)
        >>> objective(chosen=view, ratings=torch.tensor([[1.0, 3.0, float("nan")]])).values
        tensor([5.], grad_fn=<DivBackward0>)

    Reference:
        Li, Zhang, et al. (2025), Optimizing Safe and Aligned Language Generation: A Multi-Objective GRPO Approach.
        Verbosity: Wang et al. (2024), Interpretable Preferences via Multi-Objective Reward Modeling and
        Mixture-of-Experts.
    """

    id = "multi-objective-reward-regression"
    aliases: ClassVar[tuple[str, ...]] = ("multi-label-reward",)
    paper = "arXiv:2503.21819"
    evidence = PAPER
    tags: ClassVar[tuple[str, ...]] = ("scores",)
    needs = Needs(ends=True, likelihood=False)

    labels: Annotated[int, Ge(1), "number K of ratings of a response"] = 2
    weights: Annotated[list[float] | None, "weight of each rating in the reward of the judge; equal if absent"] = None
    verbosity: Annotated[
        int | None, Ge(0), "the rating, from 0, that says how verbose a response is: none of it is rewarded"
    ] = None
    verbosity_threshold: Annotated[float, Ge(0), Le(1), "largest rank correlation with verbosity that is left"] = 0.03

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        if self.weights is not None and len(self.weights) != self.labels:
            raise ConfigurationError(
                f"There are {len(self.weights)} weights for {self.labels} labels.",
                where=f"objective {self.id}",
                fix="Give one weight for each label, or none.",
            )
        self.reward_head = Head(self.labels, bias=None, random=True)
        self.penalty = VerbosityPenalty.of(self.labels, self.verbosity, self.verbosity_threshold, self.id)

    def loss(self, chosen: Scored, ratings: Tensor) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss of each response, [B], with the mean absolute error of its predicted ratings."""
        if ratings.shape[-1] != self.labels:
            raise ConfigurationError(
                f"The field 'ratings' has {ratings.shape[-1]} numbers, expected {self.labels}.",
                where=f"objective {self.id}",
                fix=f"Set objective.labels={ratings.shape[-1]}, or give {self.labels} ratings, null for a missing one.",
            )
        found = self.reward_head(chosen.end_state)
        ratings = ratings.to(found.dtype)
        error = (found - ratings).abs().nanmean(dim=-1).nan_to_num(0.0)
        return masked_squares(found, ratings), {"rating_error": error.detach()}

    def judged(self, outputs: Tensor, prompt_state: Tensor | None = None) -> Tensor:
        """The rewards [R], the weighted sum of the predicted ratings, less the verbosity in them."""
        outputs = outputs if self.penalty is None else self.penalty(outputs)
        even = [1.0 / self.labels] * self.labels
        return outputs @ torch.tensor(self.weights or even, dtype=outputs.dtype, device=outputs.device)
