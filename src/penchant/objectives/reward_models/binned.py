"""A reward model that gives each rating a probability: a softmax over bins."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core.evidence import reconstruction
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.groups import group_mean
from penchant.objectives.functional.heads import Head
from penchant.objectives.functional.reward_distributions import (
    categorical_loss,
    categorical_preference,
    categorical_spread,
    expected_value,
)

__all__ = ["DistributionalReward"]


class DistributionalReward(Objective):
    """Distributional reward model: the distribution of a rating over bins (label distribution learning).

    loss = −Σ_b p_b log q_b,   r = Σ_b v_b q_b,   q = softmax(W h),   mean over the responses of an example

    The bins v are evenly spaced from ``low`` to ``high``. A rating between two of them is shared by both, by its
    distance from each. Where several people rated a response, each rating is a record: their losses sum to the
    cross-entropy with the distribution of their ratings. The reward is the mean of q, its standard deviation says how
    unsure the model is, and P(a ≻ b) = Σ_ij q_i q'_j ([v_i > v_j] + ½ [v_i = v_j]).

    Example:
        >>> view = Scored(torch.zeros(1, 2), None, torch.ones(1, 2) > 0, ends=torch.zeros(1, 2, 4))
        >>> objective = DistributionalReward(bins=2, low=0.0, high=1.0)
        >>> objective.bind(4)
        >>> objective(responses=view, scores=torch.tensor([0.25])).values
        tensor([0.6931], grad_fn=<DivBackward0>)

    Reference:
        Geng (2016), Label Distribution Learning. As a reward model: LDL-Reward-Gemma-2 (2024), ten bins.
    """

    id = "distributional-reward"
    aliases: ClassVar[tuple[str, ...]] = ("ldl-reward",)
    tags: ClassVar[tuple[str, ...]] = ("scores",)
    needs = Needs(ends=True, likelihood=False)
    paper = "arXiv:1408.6027"
    evidence = reconstruction(
        "The head and its reward are those of a published model's inference code, without published numbers. How a "
        "rating becomes a distribution, a share for each of the two nearest bins, is our reading."
    )

    bins: Annotated[int, Ge(2), "number of bins"] = 10
    low: Annotated[float, "the rating of the first bin"] = 0.0
    high: Annotated[float, "the rating of the last bin"] = 10.0

    def __init__(self, **hyper: Any) -> None:
        super().__init__(**hyper)
        if not self.low < self.high:
            raise ConfigurationError(
                f"The bins go from low={self.low:g} to high={self.high:g}; expected low below high.",
                where=f"objective {self.id}",
                fix="Give the lowest and the highest rating of the data.",
            )
        self.reward_head = Head(self.bins, bias=None, random=True)

    def loss(self, responses: Scored, scores: Tensor) -> Tensor:
        """The loss of each example, [B]."""
        found = self.reward_head(responses.end_state)
        beyond = (scores < self.low) | (scores > self.high)
        if bool(beyond.any()):
            raise ConfigurationError(
                f"A rating is {float(scores[beyond][0]):g}, outside the bins from {self.low:g} to {self.high:g}.",
                where=f"objective {self.id}",
                fix="Set low and high to the lowest and the highest rating of the data.",
            )
        return group_mean(categorical_loss(found, scores.to(found.dtype), self._values(found)), responses.group)

    def judged(self, outputs: Tensor, prompt_state: Tensor | None = None) -> Tensor:
        """The rewards, [K], from the outputs of the head, [K, bins]."""
        return expected_value(outputs, self._values(outputs))

    def spread(self, outputs: Tensor) -> Tensor:
        """The standard deviations, [K]: how unsure the model is."""
        return categorical_spread(outputs, self._values(outputs))

    def preferences(self, outputs: Tensor, prompt_state: Tensor | None = None) -> Tensor:
        """The probability that each response is rated above each other one, [K, K]."""
        return categorical_preference(outputs.unsqueeze(1), outputs.unsqueeze(0))

    def _values(self, like: Tensor) -> Tensor:
        return torch.linspace(self.low, self.high, self.bins, dtype=like.dtype, device=like.device)
