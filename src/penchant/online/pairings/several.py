"""Pairing of whole groups whose advantages come from several rewards, summed before or after they are normalised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.functional.sampled.baselines import several_rewards
from penchant.online.pairings.groups import Groups
from penchant.online.rollouts import Rollout

__all__ = ["Several"]


class Several(Groups):
    """All samples of a prompt, with advantages of the parts of a judge that is a list of judges."""

    id = "several"

    order: Annotated[
        Literal["sum_then_normalize", "normalize_then_sum"],
        "normalise the weighted sum within the group (then a part of a large scale rules), or each part within the "
        "group, and their weighted sum over the round",
    ] = "normalize_then_sum"
    weights: Annotated[dict[str, float] | None, "weight of each part by its label; default: all alike"] = None

    def advantages(self, rollouts: Sequence[Rollout]) -> tuple[Tensor, ...]:
        """Of all parts of the judge together."""
        names = sorted(rollouts[0].parts)
        self._check(names)
        weights = [1 / len(names) if self.weights is None else self.weights[name] for name in names]
        table = torch.tensor(
            [row for each in rollouts for row in zip(*(each.parts[name] for name in names), strict=True)],
            dtype=torch.float64,
        )
        counts = [len(each.responses) for each in rollouts]
        group = torch.arange(len(rollouts)).repeat_interleave(torch.tensor(counts))
        found = several_rewards(
            table, group, torch.tensor(weights, dtype=torch.float64), order=self.order, epsilon=self.epsilon
        )
        return found.split(counts)

    def _check(self, names: Sequence[str]) -> None:
        """Refuse rewards that are not those of the weights."""
        if not names:
            raise ConfigurationError(
                "The judge has no parts, so there is one reward only.",
                where="pairing several",
                fix="Give the judge as a list: judge: [{name: ..., label: ...}, ...]; or choose pairing=group.",
            )
        if self.weights is not None and set(self.weights) != set(names):
            raise ConfigurationError(
                f"The weights are of {', '.join(sorted(self.weights))}, the judge's parts are {', '.join(names)}.",
                where="pairing.weights",
                fix="Give one weight for each part, by its label.",
            )
