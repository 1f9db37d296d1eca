"""Pairing of single responses as right or wrong, with the share of right ones among those to the same prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from penchant.online.pairing import Chosen, Pairing
from penchant.online.rollouts import Rollout

__all__ = ["Verified"]


class Verified(Pairing):
    """Every response by itself, labelled right or wrong; prompts with only right or only wrong ones are left out."""

    id = "verified"
    views = ("responses",)
    fields = ("label", "correct_rate", "old_policy")

    threshold: Annotated[float, "reward from which a response is right"] = 0.5

    @property
    def reads(self) -> frozenset[str]:
        """See `Pairing.reads`."""
        return frozenset({"old_logps"})

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """One example for each response with a score."""
        for rollout in rollouts:
            right = {place: float(rollout.scores[place] >= self.threshold) for place in rollout.scored}
            rate = sum(right.values()) / max(len(right), 1)
            if rate in (0.0, 1.0):
                continue
            for place, label in right.items():
                fields = {"label": label, "correct_rate": rate, "old_policy": [list(rollout.old_logps[place])]}
                yield rollout, {"responses": [rollout.sequence(place)]}, fields
