"""`Turns`: every turn of conversations, with the advantage of its outcome and of its own reward."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge

from penchant.objectives.functional.sampled.baselines import istar_norm, step_advantages
from penchant.online.pairing import Chosen, Pairing
from penchant.online.pairings.conversations import scored, written
from penchant.online.process_rewards.process_reward import STEP_REWARD
from penchant.online.rollouts import Rollout
from penchant.online.trees import INVALID

__all__ = ["Turns"]


class Turns(Pairing):
    """Every turn that the policy wrote, with its advantage: that of the outcome, and that of its own reward.

    A = A_outcome + w · A_step, each against the conversations or the turns about the same task (`step_advantages`). The
    outcome is the score of the conversation. The rewards of turns come from ``process_reward``; with ``step_weight`` 0
    none are read. With ``istar_norm`` they are brought to one scale for the whole round first. A turn that is no valid
    action (``sampler.valid``) loses ``invalid_penalty`` of its own outcome; what others are compared with stays.

    Reference:
        Liu et al. (2025), Online Process Reward Learning for Agentic Reinforcement Learning, section 3.
    """

    id = "turns"
    views = ("responses",)
    fields = ("advantage", "old_policy")
    of_trees = True

    step_weight: Annotated[float, Ge(0), "weight w of the advantage of a turn's own reward"] = 0.0
    norm: Annotated[
        Literal["others", "mean", "mean_std"],
        "what advantages are taken against: the mean of the others, the mean of all, or also divided by the deviation",
    ] = "others"
    baseline: Annotated[
        Literal["all_steps", "first_step"],
        "what the reward of a turn is compared with: all turns about the task, or the first turn of each conversation "
        "(the released code)",
    ] = "all_steps"
    istar_norm: Annotated[
        bool, "whether rewards of turns are divided by the round's largest |sum of the rewards from a turn on|"
    ] = False
    invalid_penalty: Annotated[float, Ge(0), "taken off the outcome of a turn that is no valid action"] = 0.0

    @property
    def of_steps(self) -> bool:
        """See `Pairing.of_steps`."""
        return self.step_weight > 0

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """One example for each turn of a conversation with a score."""
        rows = [
            (rollout, leaf, place)
            for rollout in rollouts
            for leaf in rollout.grown.leaves
            if scored(rollout.grown, leaf)
            for place in written(rollout.grown, leaf)
        ]
        for (rollout, _leaf, place), advantage in zip(rows, self.advantages(rows), strict=True):
            node = rollout.grown.nodes[place]
            fields: dict[str, Any] = {"advantage": [advantage]}
            if node.logps is not None:
                fields["old_policy"] = [list(node.logps)]
            yield rollout, {"responses": [rollout.grown.step(rollout.prompt_ids, place)]}, fields

    def advantages(self, rows: Sequence[tuple[Rollout, int, int]]) -> list[float]:
        """The advantages of the turns of a round.

        Args:
            rows: for each turn the conversations about its task, the end of its own one, and its place; the turns of a
                conversation in order.
        """
        if not rows:
            return []
        tasks = {id(rollout): number for number, (rollout, _leaf, _place) in enumerate(rows)}
        talks = {(id(rollout), leaf): number for number, (rollout, leaf, _place) in enumerate(rows)}
        nodes = [rollout.grown.nodes[place] for rollout, _leaf, place in rows]
        outcome = torch.tensor([rollout.grown.nodes[leaf].score for rollout, leaf, _ in rows], dtype=torch.float64)
        reward = [each.facts.get(STEP_REWARD, 0.0) if self.of_steps else 0.0 for each in nodes]
        step = torch.tensor(reward, dtype=torch.float64)
        trajectory = torch.tensor([talks[id(rollout), leaf] for rollout, leaf, _ in rows])
        both = step_advantages(
            outcome,
            istar_norm(step, trajectory) if self.istar_norm else step,
            torch.tensor([tasks[id(rollout)] for rollout, _leaf, _place in rows]),
            trajectory,
            weight=self.step_weight,
            norm=self.norm,
            baseline=self.baseline,
            penalty=self.invalid_penalty * torch.tensor([each.facts.get(INVALID, 0.0) for each in nodes]),
        )
        found: list[float] = sum(both).tolist()  # type: ignore[union-attr]
        return found
