"""Pairs of a demonstration and a sample."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from penchant.online.pairing import Chosen, Pairing
from penchant.online.rollouts import Rollout

__all__ = ["AgainstDemonstration"]


class AgainstDemonstration(Pairing):
    """The demonstration of a prompt as chosen, each of its samples as rejected; no reward is needed."""

    id = "demonstration"
    views = ("chosen", "rejected")
    judged = False
    demonstrated = True

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """One pair for each sample."""
        for rollout in rollouts:
            for place in range(len(rollout.responses)):
                yield rollout, {"chosen": [rollout.shown], "rejected": [rollout.sequence(place)]}, {}
