"""Pairings of single responses to imitate: the best of a prompt, or all above a threshold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from penchant.online.pairing import Chosen, Pairing
from penchant.online.rollouts import Rollout

__all__ = ["Above", "Best"]


class Best(Pairing):
    """The best response to each prompt."""

    id = "best"
    views = ("chosen",)
    fields = ("score",)

    threshold: Annotated[float | None, "minimum reward of the best response; default: any"] = None

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """At most one response per prompt; of ties the first."""
        for rollout in rollouts:
            if rollout.scored:
                place = max(rollout.scored, key=lambda each: (rollout.scores[each], -each))
                if self.threshold is None or rollout.scores[place] >= self.threshold:
                    yield _single(rollout, place)


class Above(Pairing):
    """Every distinct response with a reward at or above a threshold."""

    id = "above"
    views = ("chosen",)
    fields = ("score",)

    threshold: Annotated[float, "minimum reward of a response"] = 0.5

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """Each response once, even if several rollouts contain it."""
        seen: set[tuple[tuple[int, ...], tuple[int, ...]]] = set()
        for rollout in rollouts:
            for place in rollout.scored:
                key = (rollout.prompt_ids, rollout.responses[place].ids)
                if rollout.scores[place] >= self.threshold and key not in seen:
                    seen.add(key)
                    yield _single(rollout, place)


def _single(rollout: Rollout, place: int) -> Chosen:
    return rollout, {"chosen": [rollout.sequence(place)]}, {"score": rollout.scores[place]}
