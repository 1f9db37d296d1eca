"""Pairings by a verdict: single responses as right or wrong, and right ones against wrong ones."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Annotated

from annotated_types import Ge, Gt

from penchant.online.pairing import Chosen, Pairing
from penchant.online.pairings.pairs import pair_fields
from penchant.online.rollouts import Rollout

__all__ = ["RightWrong", "Verified"]


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


class RightWrong(Pairing):
    """Right responses against wrong ones, so many pairs of a prompt, drawn at random and none twice.

    Prompts whose samples are all right or all wrong give none.

    Reference:
        Pang et al. (2024), Iterative Reasoning Preference Optimization, arXiv:2404.19733.
    """

    id = "right_wrong"
    views = ("chosen", "rejected")
    fields = ("margin", "chosen_score", "rejected_score")
    needs_two = True

    threshold: Annotated[float, "reward from which a response is right"] = 0.5
    pairs: Annotated[int, Gt(0), "at most so many pairs a prompt"] = 10
    seed: Annotated[int, Ge(0), "of the draws"] = 0

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """The drawn pairs of each prompt, with margin and scores."""
        for rollout in rollouts:
            right = [place for place in rollout.scored if rollout.scores[place] >= self.threshold]
            wrong = [place for place in rollout.scored if rollout.scores[place] < self.threshold]
            # Equal samples make equal pairs, of which one is enough.
            ids = [each.ids for each in rollout.responses]
            distinct = list({(ids[one], ids[other]): (one, other) for one, other in product(right, wrong)}.values())
            draws = random.Random(f"{self.seed} {rollout.prompt_ids} {ids}")
            for chosen, rejected in draws.sample(distinct, min(self.pairs, len(distinct))):
                views = {"chosen": [rollout.sequence(chosen)], "rejected": [rollout.sequence(rejected)]}
                yield rollout, views, pair_fields(rollout, chosen, rejected)
