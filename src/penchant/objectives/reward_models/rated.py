"""Reward models of rated responses: regression, quantiles, and a Gaussian."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.core.evidence import OFFICIAL_CODE, PAPER
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.groups import group_mean
from penchant.objectives.functional.heads import Head
from penchant.objectives.functional.reward_distributions import (
    gaussian_loss,
    gaussian_preference,
    pinball,
    quantile_levels,
    quantile_preference,
)

__all__ = ["GaussianReward", "QuantileReward", "RewardRegression"]


class _Rated(Objective):
    """Base class of the three: a linear head on the state at the last token of each rated response."""

    needs = Needs(ends=True, likelihood=False)
    tags: ClassVar[tuple[str, ...]] = ("scores",)


class RewardRegression(_Rated):
    """Regression of the reward on ratings (as HelpSteer's; Wang et al., 2024).

    loss = (r − s)²,   mean over the responses of an example

    s is the score of a response in the data. The saved folder is a sequence-classification model with one output.

    Example:
        >>> import torch
        >>> view = Scored(torch.zeros(1, 2), None, torch.ones(1, 2) > 0, ends=torch.zeros(1, 2, 4))
        >>> objective = RewardRegression()
        >>> objective.bind(4)
        >>> objective(responses=view, scores=torch.tensor([3.0])).values
        tensor([9.], grad_fn=<DivBackward0>)

    Reference:
        Wang et al. (2024), HelpSteer2: Open-Source Dataset for Training Top-Performing Reward Models.
    """

    id = "reward-regression"
    paper = "arXiv:2406.08673"
    evidence = PAPER

    def __init__(self, **hyper: object) -> None:
        super().__init__(**hyper)
        self.reward_head = Head(1, bias=None, random=True)

    def loss(self, responses: Scored, scores: Tensor) -> Tensor:
        """The loss of each example, [B]."""
        error = self.reward_head(responses.end_state)[:, 0] - scores
        return group_mean(error.square(), responses.group)


class QuantileReward(_Rated):
    """Quantile reward model (Dorka, 2024): the distribution of a rating by its quantiles.

    loss = Σ_q (τ_q − [u < 0]) u / Q,   u = s − q_q,   mean over the responses of an example

    The head gives Q quantiles at the levels τ_q = q / (Q + 1). The reward is their mean; their spread says how sure the
    model is. P(a ≻ b) is the share of pairs of quantiles in which a's is higher.

    Example:
        >>> import torch
        >>> view = Scored(torch.zeros(1, 2), None, torch.ones(1, 2) > 0, ends=torch.zeros(1, 2, 4))
        >>> objective = QuantileReward(quantiles=3)
        >>> objective.bind(4)
        >>> objective(responses=view, scores=torch.tensor([2.0])).values
        tensor([1.], grad_fn=<DivBackward0>)

    Reference:
        Dorka (2024), Quantile Regression for Distributional Reward Models in RLHF.
    """

    id = "quantile-reward"
    paper = "arXiv:2409.10164"
    evidence = OFFICIAL_CODE

    quantiles: Annotated[int, Ge(1), "number Q of quantiles"] = 19

    def __init__(self, **hyper: object) -> None:
        super().__init__(**hyper)
        self.reward_head = Head(self.quantiles, bias=None, random=True)

    def loss(self, responses: Scored, scores: Tensor) -> Tensor:
        """The loss of each example, [B]."""
        found = self.reward_head(responses.end_state)
        levels = quantile_levels(self.quantiles).to(found)
        return group_mean(pinball(scores.to(found.dtype), found, levels).mean(-1), responses.group)

    def judged(self, outputs: Tensor, prompt_state: Tensor | None = None) -> Tensor:
        """The rewards, [K], from the outputs of the head, [K, Q]."""
        return outputs.mean(-1)

    def spread(self, outputs: Tensor) -> Tensor:
        """The distance between the outer quantiles, [K]: how unsure the model is."""
        return outputs.amax(-1) - outputs.amin(-1)

    def preferences(self, outputs: Tensor, prompt_state: Tensor | None = None) -> Tensor:
        """The probability that each response is rated above each other one, [K, K]."""
        return quantile_preference(outputs.unsqueeze(1), outputs.unsqueeze(0))


class GaussianReward(_Rated):
    """Reward model with a Gaussian of each rating (Nix and Weigend, 1994).

    loss = ½ [log v + (s − μ)² / v],   mean over the responses of an example

    The head gives μ and log v. The reward is μ, √v says how sure the model is, and P(a ≻ b) = Φ((μ_a − μ_b) / √(v_a +
    v_b)).

    Example:
        >>> import torch
        >>> view = Scored(torch.zeros(1, 2), None, torch.ones(1, 2) > 0, ends=torch.zeros(1, 2, 4))
        >>> objective = GaussianReward()
        >>> objective.bind(4)
        >>> objective(responses=view, scores=torch.tensor([2.0])).values
        tensor([2.], grad_fn=<DivBackward0>)

    Reference:
        Nix and Weigend (1994), Estimating the Mean and Variance of the Target Probability Distribution. In reward
        models: Lou et al. (2024), Uncertainty-aware Reward Model.
    """

    id = "gaussian-reward"
    paper = "arXiv:2410.00847"
    evidence = PAPER

    eps: Annotated[float, Gt(0), "smallest variance"] = 1e-6

    def __init__(self, **hyper: object) -> None:
        super().__init__(**hyper)
        self.reward_head = Head(2, bias=None, random=True)

    def loss(self, responses: Scored, scores: Tensor) -> Tensor:
        """The loss of each example, [B]."""
        mean, spread = self.reward_head(responses.end_state).unbind(-1)
        return group_mean(gaussian_loss(mean, spread, scores.to(mean.dtype), self.eps), responses.group)

    def judged(self, outputs: Tensor, prompt_state: Tensor | None = None) -> Tensor:
        """The rewards, [K], from the outputs of the head, [K, 2]."""
        return outputs[..., 0]

    def spread(self, outputs: Tensor) -> Tensor:
        """The standard deviations, [K]: how unsure the model is."""
        return (0.5 * outputs[..., 1]).exp()

    def preferences(self, outputs: Tensor, prompt_state: Tensor | None = None) -> Tensor:
        """The probability that each response is rated above each other one, [K, K]."""
        mean, variance = outputs[..., 0], outputs[..., 1].exp().clamp(min=self.eps)
        return gaussian_preference(mean.unsqueeze(1) - mean.unsqueeze(0), variance.unsqueeze(1) + variance.unsqueeze(0))
