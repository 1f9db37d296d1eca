"""The pairing ``by_difficulty``: whole groups whose advantages are scaled by how hard data and category are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from annotated_types import Gt
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.functional.sampled.difficulty import difficulty_factors, scaled_advantages
from penchant.online.pairings.groups import Groups
from penchant.online.rollouts import Rollout

__all__ = ["ByDifficulty"]

_PARTS = ("category", "dissimilarity", "gap")


class ByDifficulty(Groups):
    """All samples of a prompt; harder data, and categories that the model has not mastered, have larger advantages.

    The judge gives δ, the gap of rewards and the category of each response as parts (``inverse_rl``).

    Reference:
        Cheng et al. (2025), Inverse Reinforcement Learning with Dynamic Reward Scaling for LLM Alignment,
        arXiv:2503.18991.
    """

    id = "by_difficulty"

    scale_target: Annotated[
        Literal["advantage", "reward"],
        "what the factors multiply; a factor that a whole group shares cancels in rewards",
    ] = "advantage"
    scale: Annotated[
        Literal["group", "batch", "none"], "standard deviation that advantages are divided by, as for group"
    ] = "group"
    least: Annotated[float, Gt(0), "smallest factor"] = 0.5
    most: Annotated[float, Gt(0), "largest factor"] = 2.0
    outliers: Annotated[float, Gt(0), "gaps farther from their mean than so many deviations are left out"] = 2.0

    def advantages(self, rollouts: Sequence[Rollout]) -> tuple[Tensor, ...]:
        """The factors follow from all samples of the round."""
        counts = [len(each.responses) for each in rollouts]
        group = torch.arange(len(rollouts)).repeat_interleave(torch.tensor(counts))
        scores = torch.tensor([score for each in rollouts for score in each.scores], dtype=torch.float64)
        category, apart, gaps = (self._part(rollouts, name) for name in _PARTS)
        factors = difficulty_factors(
            apart, gaps, category.long(), low=self.least, high=self.most, deviations=self.outliers
        )
        found = scaled_advantages(
            scores, group, factors, target=self.scale_target, scale=self.scale, epsilon=self.epsilon
        )
        return found.split(counts)

    @staticmethod
    def _part(rollouts: Sequence[Rollout], name: str) -> Tensor:
        """A part of the judge for every response of the round."""
        if any(name not in each.parts for each in rollouts):
            raise ConfigurationError(
                f"The judge gives no part {name!r}.",
                where="pairing by_difficulty",
                why=f"The factors follow from {', '.join(_PARTS)} of each response.",
                fix="Give judge=inverse_rl, or pairing=group.",
            )
        return torch.tensor([each for rollout in rollouts for each in rollout.parts[name]], dtype=torch.float64)
