"""The pairing ``group``: all samples of a prompt with their advantages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge
from torch import Tensor

from penchant.objectives.functional.advantages import group_advantages
from penchant.online.pairing import Chosen, Pairing
from penchant.online.rollouts import Rollout

__all__ = ["Group"]


def _corrected(values: Tensor, rollout: Rollout) -> list[Any]:
    """The advantage of each response; of each token, where weights correct for the version that sampled."""
    if not rollout.weights:
        return values.tolist()
    if rollout.settings.get("staleness") == "sequence":  # one weight for a response
        return [value * (own[0] if own else 1.0) for value, own in zip(values.tolist(), rollout.weights, strict=True)]
    return [[value * weight for weight in own] for value, own in zip(values.tolist(), rollout.weights, strict=True)]


class Group(Pairing):
    """All samples of a prompt, each with the advantage of its reward over the others' mean."""

    id = "group"
    views = ("responses",)
    fields = ("advantage", "scores", "old_policy")

    scale: Annotated[
        Literal["group", "batch", "none"],
        "standard deviation that advantages are divided by: of the group or of the batch",
    ] = "group"
    epsilon: Annotated[float, Ge(0), "added to the standard deviation"] = 1e-4
    drop_uniform: Annotated[bool, "drop groups whose advantages are all zero"] = False

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """One example for each prompt."""
        for rollout, values in zip(rollouts, self._advantages(rollouts), strict=True):
            if self.drop_uniform and bool((values == 0).all()):
                continue
            fields: dict[str, Any] = {"advantage": _corrected(values, rollout), "scores": list(rollout.scores)}
            if rollout.old_logps:
                fields["old_policy"] = [list(each) for each in rollout.old_logps]
            yield rollout, {"responses": [rollout.sequence(place) for place in range(len(values))]}, fields

    def _advantages(self, rollouts: Sequence[Rollout]) -> tuple[Tensor, ...]:
        """The advantages [K] of each rollout."""
        counts = [len(each.responses) for each in rollouts]
        scores = torch.tensor([score for each in rollouts for score in each.scores], dtype=torch.float64)
        group = torch.arange(len(rollouts)).repeat_interleave(torch.tensor(counts, dtype=torch.long))
        return group_advantages(scores, group, scale=self.scale, epsilon=self.epsilon).split(counts)
