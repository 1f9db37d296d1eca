"""Pairing of whole groups with an advantage for each token, from token rewards and a baseline."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, NamedTuple

import torch
from annotated_types import Ge, Gt, Interval
from torch import Tensor

from penchant.objectives.functional.advantages import group_advantages
from penchant.objectives.functional.sampled.returns import (
    divergences,
    gae,
    next_coefficient,
    token_rewards,
    whiten,
)
from penchant.online.pairing import Chosen, Pairing
from penchant.online.rollouts import Rollout
from penchant.online.token_facts import REFERENCE, VALUES

__all__ = ["Returns"]

#: What is carried from round to round: the coefficient of the divergence in the reward.
COEFFICIENT = "kl_coef"


class Tables(NamedTuple):
    """Numbers of all tokens of a round, one row for each response.

    Args:
        mask: [R, T] whether there is a token, of a response that has a score.
        rewards: [R, T] token rewards; ``values`` [R, T] the critic's values, 0 without a critic.
    """

    mask: Tensor
    rewards: Tensor
    values: Tensor


class Returns(Pairing):
    """All samples of a prompt with an advantage for each token: returns of token rewards against a baseline.

    The reward of a token is minus the cost of its divergence from the reference; the score is added at the last token.
    """

    id = "returns"
    views = ("responses",)
    fields = ("advantage", "scores", "old_policy", "returns", "old_values")

    baseline: Annotated[
        Literal["critic", "group", "greedy", "none"],
        "what returns are compared with: the critic's values (PPO), the mean score of the group (REINFORCE++ with "
        "baseline), the score of the greedy response (ReMax), or nothing",
    ] = "critic"
    gamma: Annotated[float, Interval(gt=0, le=1), "discount of later rewards"] = 1.0
    lam: Annotated[float, Interval(ge=0, le=1), "λ of generalised advantage estimation with a critic"] = 0.95
    kl_coef: Annotated[float, Ge(0), "cost of a nat of divergence from the reference, in the reward"] = 0.05
    kl_estimator: Annotated[Literal["k1", "k2", "k3", "abs"], "estimate of the divergence per token"] = "k1"
    kl_target: Annotated[
        float, Ge(0), "divergence of a response, in nats, that kl_coef is adapted to; 0 for a fixed coefficient"
    ] = 0.0
    kl_horizon: Annotated[float, Gt(0), "responses in which a full error changes kl_coef by a fifth"] = 10_000.0
    reward_clip: Annotated[float | None, "largest size of a score that counts; default: any"] = None
    whiten_rewards: Annotated[bool, "bring token rewards to variance 1 over the round; their mean stays"] = False
    whiten_advantages: Annotated[bool, "bring advantages to mean 0 and variance 1 over the tokens of the round"] = True

    @property
    def reads(self) -> frozenset[str]:
        """See `Pairing.reads`."""
        asked = {REFERENCE: self.kl_coef > 0, VALUES: self.baseline == "critic"}
        return frozenset(name for name, wanted in asked.items() if wanted)

    @property
    def greedy(self) -> bool:
        """See `Pairing.greedy`."""
        return self.baseline == "greedy"

    def carry(self, before: Sequence[Rollout] | None) -> dict[str, float]:
        """The coefficient of the divergence, adapted to that of the round before."""
        if not self.kl_target:
            return {}
        if not before:
            return {COEFFICIENT: self.kl_coef}
        spent = [float(each.sum()) for rollout in before for each in _divergence(rollout, "k1")]
        coefficient = next_coefficient(
            before[0].carried.get(COEFFICIENT, self.kl_coef),
            sum(spent) / len(spent),
            target=self.kl_target,
            horizon=self.kl_horizon,
            samples=len(spent),
        )
        return {COEFFICIENT: coefficient}

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """One example for each prompt."""
        lengths = [each.length for rollout in rollouts for each in rollout.responses]
        tables = self._tables(rollouts, lengths)
        lam = self.lam if self.baseline == "critic" else 1.0
        found = gae(tables.rewards, tables.values, tables.mask, gamma=self.gamma, lam=lam)
        returns = found + tables.values
        advantage = whiten(found, tables.mask) if self.whiten_advantages else found
        row = 0
        for rollout in rollouts:
            rows = range(row, row := row + len(rollout.responses))
            fields: dict[str, Any] = {
                "advantage": [advantage[each, : lengths[each]].tolist() for each in rows],
                "scores": list(rollout.scores),
            }
            if rollout.weights:
                fields["advantage"] = [
                    [value * weight for value, weight in zip(*both, strict=True)]
                    for both in zip(fields["advantage"], rollout.weights, strict=True)
                ]
            if self.baseline == "critic":
                fields["returns"] = [returns[each, : lengths[each]].tolist() for each in rows]
                fields["old_values"] = [list(each) for each in rollout.values]
            if rollout.old_logps:
                fields["old_policy"] = [list(each) for each in rollout.old_logps]
            yield rollout, {"responses": [rollout.sequence(place) for place in range(len(rows))]}, fields

    def _tables(self, rollouts: Sequence[Rollout], lengths: Sequence[int]) -> Tables:
        """Token rewards and values of all responses; one without a score has neither reward nor advantage."""
        scores = self._scores(rollouts)
        longest = max(lengths)
        inside = torch.arange(longest) < torch.tensor(lengths).unsqueeze(1)
        mask = inside & torch.isfinite(scores).unsqueeze(1)
        spent = [
            each * rollout.carried.get(COEFFICIENT, self.kl_coef)
            for rollout in rollouts
            for each in _divergence(rollout, self.kl_estimator)
        ]
        values = [each for rollout in rollouts for each in rollout.values] if self.baseline == "critic" else []
        known = torch.nan_to_num(scores)
        rewards = token_rewards(known, _padded(spent, mask), mask, 1.0)
        if self.whiten_rewards:
            rewards = whiten(rewards, mask, shift=False)
        return Tables(mask, rewards, _padded([torch.tensor(each).double() for each in values], inside))

    def _scores(self, rollouts: Sequence[Rollout]) -> Tensor:
        """The scores [R], clipped, against the mean of the group or the greedy response where that is the baseline."""
        scores = torch.tensor([score for each in rollouts for score in each.scores], dtype=torch.float64)
        if self.reward_clip is not None:
            scores = scores.clamp(-self.reward_clip, self.reward_clip)
        counts = torch.tensor([len(each.responses) for each in rollouts])
        if self.baseline == "group":
            group = torch.arange(len(rollouts)).repeat_interleave(counts)
            return torch.where(scores.isnan(), scores, group_advantages(scores, group, scale="none"))
        if self.baseline == "greedy":
            likely = [math.nan if each.baseline is None else each.baseline for each in rollouts]
            return scores - torch.tensor(likely, dtype=torch.float64).repeat_interleave(counts)
        return scores


def _divergence(rollout: Rollout, estimator: Literal["k1", "k2", "k3", "abs"]) -> list[Tensor]:
    """The divergence from the reference of each token, one tensor for each response; none without a reference."""
    return [
        divergences(torch.tensor(own).double(), torch.tensor(other).double(), estimator)
        for own, other in zip(rollout.old_logps, rollout.reference_logps, strict=False)
    ]


def _padded(rows: Sequence[Tensor], mask: Tensor) -> Tensor:
    """The rows as a table of the shape of the mask; zeros without rows."""
    table = torch.zeros(mask.shape, dtype=torch.float64)
    for place, row in enumerate(rows):
        table[place, : len(row)] = row
    return table
