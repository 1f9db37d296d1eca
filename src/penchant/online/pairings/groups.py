"""The pairing ``group``: all samples of a prompt with their advantages."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge, Gt
from torch import Tensor

from penchant.objectives.functional.advantages import (
    best_advantages,
    group_advantages,
    length_weighted_advantages,
)
from penchant.objectives.functional.sampled.baselines import leave_one_out, list_advantages
from penchant.online.pairing import Chosen, Pairing
from penchant.online.rollouts import Rollout

__all__ = ["Group", "Groups"]


def _corrected(values: Tensor, rollout: Rollout) -> list[Any]:
    """The advantage of each response; of each token, where weights correct for the version that sampled."""
    if not rollout.weights:
        return values.tolist()
    if rollout.settings.get("staleness") == "sequence":  # one weight for a response
        return [value * (own[0] if own else 1.0) for value, own in zip(values.tolist(), rollout.weights, strict=True)]
    return [[value * weight for weight in own] for value, own in zip(values.tolist(), rollout.weights, strict=True)]


class Groups(Pairing):
    """All samples of a prompt with their advantages; a subclass says how those come about."""

    views = ("responses",)
    fields = ("advantage", "scores", "old_policy")

    epsilon: Annotated[float, Ge(0), "added to the standard deviation"] = 1e-4
    drop_uniform: Annotated[bool, "drop groups whose advantages are all zero"] = False

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """One example for each prompt."""
        for rollout, values in zip(rollouts, self.advantages(rollouts), strict=True):
            if self.drop_uniform and bool((values == 0).all()):
                continue
            fields: dict[str, Any] = {"advantage": _corrected(values, rollout), "scores": list(rollout.scores)}
            if rollout.old_logps:
                fields["old_policy"] = [list(each) for each in rollout.old_logps]
            yield rollout, {"responses": [rollout.sequence(place) for place in range(len(values))]}, fields

    @abstractmethod
    def advantages(self, rollouts: Sequence[Rollout]) -> tuple[Tensor, ...]:
        """The advantages [K] of each rollout."""


class Group(Groups):
    """All samples of a prompt, each with the advantage of its reward over the others' mean."""

    id = "group"

    baseline: Annotated[
        Literal["mean", "others", "length", "best", "list"],
        "what a reward is compared with: the group's mean (GRPO), the mean of the others (RLOO), the mean weighted by "
        "length (OPO, without scale); best: the best one's lead over the second (pass@k); list: the softmax of the "
        "rewards against an equal share",
    ] = "mean"
    tau: Annotated[float, Gt(0), "temperature of the softmax of baseline list"] = 0.5
    scale: Annotated[
        Literal["group", "batch", "none"],
        "standard deviation that advantages are divided by: of the group or of the batch",
    ] = "group"

    def advantages(self, rollouts: Sequence[Rollout]) -> tuple[Tensor, ...]:
        """Against the baseline."""
        counts = [len(each.responses) for each in rollouts]
        scores = torch.tensor([score for each in rollouts for score in each.scores], dtype=torch.float64)
        group = torch.arange(len(rollouts)).repeat_interleave(torch.tensor(counts, dtype=torch.long))
        lengths = torch.tensor([each.length for rollout in rollouts for each in rollout.responses])
        return self._against(scores, group, lengths).split(counts)

    def _against(self, scores: Tensor, group: Tensor, lengths: Tensor) -> Tensor:
        """The advantages [R] against the baseline."""
        if self.baseline == "length":
            return length_weighted_advantages(scores, group, lengths)
        if self.baseline == "list":
            return list_advantages(scores, group, tau=self.tau)
        if self.baseline == "best":
            return best_advantages(scores, group, scale=self.scale, epsilon=self.epsilon)
        if self.baseline == "others" and self.scale != "group":
            return leave_one_out(scores, group, normalize=self.scale == "batch", epsilon=self.epsilon)
        found = group_advantages(scores, group, scale=self.scale, epsilon=self.epsilon)
        if self.baseline == "mean":
            return found
        members = torch.bincount(group[torch.isfinite(scores)], minlength=int(group.max()) + 1)[group]
        return found * members / (members - 1).clamp(min=1)
