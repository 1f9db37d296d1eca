"""Pairing of every sampled response to learn from as it is, such as by a teacher's distribution."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Annotated

from annotated_types import Interval

from penchant.online.pairing import Chosen, Pairing
from penchant.online.rollouts import Rollout

__all__ = ["Every"]


class Every(Pairing):
    """Every response that was sampled, without rewards; for some prompts their demonstration in its place."""

    id = "every"
    views = ("chosen",)
    judged = False

    demonstrations: Annotated[
        float, Interval(ge=0, le=1), "share of the prompts whose demonstration stands in place of the samples"
    ] = 0.0

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """One example for each response; of a prompt whose demonstration is taken, one."""
        for rollout in rollouts:
            drawn = random.Random(f"{rollout.prompt_ids} {rollout.responses[0].ids}").random()
            if rollout.demonstration and drawn < self.demonstrations:
                yield rollout, {"chosen": [rollout.shown]}, {}
                continue
            for place in range(len(rollout.responses)):
                yield rollout, {"chosen": [rollout.sequence(place)]}, {}
