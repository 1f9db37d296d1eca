"""Pairings for labels of the policy's own, for given pairs beside a sample, and for a teacher beside its student."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt

from penchant.objectives.functional.games.consistency import CONSISTENCIES
from penchant.online.opponents import POLICY
from penchant.online.pairing import Chosen, Pairing
from penchant.online.rollouts import Rollout

__all__ = ["Consistent", "Curated", "GivenAndFresh", "StudentTeacher"]


def _pair(rollout: Rollout, chosen: int, rejected: int) -> Chosen:
    better, worse = rollout.scores[chosen], rollout.scores[rejected]
    fields = {"margin": better - worse, "chosen_score": better, "rejected_score": worse}
    return rollout, {"chosen": [rollout.sequence(chosen)], "rejected": [rollout.sequence(rejected)]}, fields


def _extremes(rollout: Rollout, places: Sequence[int]) -> tuple[int, int] | None:
    """The best and the worst of some responses; None if they are equal, or fewer than two."""
    if len(places) < 2:
        return None
    best = max(places, key=lambda place: (rollout.scores[place], -place))
    worst = min(places, key=lambda place: (rollout.scores[place], place))
    return None if rollout.scores[best] == rollout.scores[worst] else (best, worst)


class Consistent(Pairing):
    """The best against the worst, with a probability that the label is right: how far two scorers agree on the prompt.

    The judge scores as the policy does now and as it did a round ago (judge ``policy``).

    Reference:
        Wang et al. (2024), CREAM: Consistency Regularized Self-Rewarding Language Models.
    """

    id = "consistent"
    views = ("chosen", "rejected")
    fields = ("margin", "chosen_score", "rejected_score", "probability")
    rescored = True
    needs_two = True

    measure: Annotated[
        Literal["kendall", "spearman", "toporder", "toporder-published"], "how two rankings are compared"
    ] = "kendall"
    strategy: Annotated[Literal["avg", "dyn"], "one probability for the round, the mean; or one for each prompt"] = (
        "avg"
    )

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """At most one pair for each prompt; a prompt whose agreement is not known gets the mean."""
        agreed = [self._agreement(rollout) for rollout in rollouts]
        known = [each for each in agreed if not math.isnan(each)]
        mean = sum(known) / len(known) if known else 1.0
        for rollout, own in zip(rollouts, agreed, strict=True):
            places = _extremes(rollout, rollout.scored)
            if places is not None:
                _same, views, fields = _pair(rollout, *places)
                sure = mean if self.strategy == "avg" or math.isnan(own) else own
                yield rollout, views, {**fields, "probability": sure}

    def _agreement(self, rollout: Rollout) -> float:
        both = (rollout.scores, rollout.earlier_scores)
        if len(both[1]) < 2 or any(math.isnan(score) for each in both for score in each):
            return math.nan
        now, before = (torch.tensor(each, dtype=torch.float64) for each in both)
        return float(CONSISTENCIES[self.measure](now, before))


class Curated(Pairing):
    """One response to each prompt, kept as a Bradley-Terry user would: with probability softmax(score / temperature).

    Reference:
        Ferbach et al. (2024), Self-Consuming Generative Models with Curated Data Provably Optimize Human Preferences.
    """

    id = "curated"
    views = ("chosen",)
    fields = ("score",)

    temperature: Annotated[float, Gt(0), "of the choice; small values keep the best"] = 1.0
    seed: Annotated[int, Ge(0), "of the choices"] = 0

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """At most one response for each prompt; the same samples give the same choice."""
        for rollout in rollouts:
            places = rollout.scored
            if not places:
                continue
            scores = torch.tensor([rollout.scores[place] for place in places], dtype=torch.float64)
            drawn = np.random.default_rng([self.seed, *rollout.prompt_ids, *rollout.responses[0].ids]).random()
            chances = (scores / self.temperature).softmax(-1).cumsum(-1)
            kept = int(torch.searchsorted(chances, torch.tensor(drawn, dtype=torch.float64)))
            place = places[min(kept, len(places) - 1)]
            yield rollout, {"chosen": [rollout.sequence(place)]}, {"score": rollout.scores[place]}


class GivenAndFresh(Pairing):
    """The record's own pair, with a sample of the policy beside it (HyPO); no reward is needed.

    The opponent ``record`` with ``both`` gives the pair.
    """

    id = "given_and_fresh"
    views = ("chosen", "rejected", "fresh")
    judged = False
    demonstrated = True

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """One example for each sample of the policy."""
        for rollout in rollouts:
            given = [place for place, by in enumerate(rollout.writers) if by != POLICY]
            if len(given) != 2:
                continue
            pair = dict(zip(("chosen", "rejected"), ([rollout.sequence(place)] for place in given), strict=True))
            for place, by in enumerate(rollout.writers):
                if by == POLICY:
                    yield rollout, {**pair, "fresh": [rollout.sequence(place)]}, {}


class StudentTeacher(Pairing):
    """The student's best against its worst, and the teacher against each of the student's responses (DNO-Prct).

    The opponent ``record`` is the teacher. A pair is kept if its winner scores at least ``floor`` and leads by at least
    ``margin``.

    Reference:
        Rosset et al. (2024), Direct Nash Optimization, section 4.
    """

    id = "student_teacher"
    views = ("chosen", "rejected")
    fields = ("margin", "chosen_score", "rejected_score")

    floor: Annotated[float | None, "least score of the chosen response; default: any"] = None
    margin: Annotated[float, Ge(0), "least lead of the chosen response"] = 1.0

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """The pairs of each prompt, the student's own first."""
        for rollout in rollouts:
            student = [place for place in rollout.scored if rollout.writers[place] == POLICY]
            teachers = [place for place in rollout.scored if rollout.writers[place] != POLICY]
            own = _extremes(rollout, student)
            pairs = [] if own is None else [own]
            for teacher in teachers:
                pairs += [
                    (teacher, each) if rollout.scores[teacher] >= rollout.scores[each] else (each, teacher)
                    for each in student
                ]
            for chosen, rejected in pairs:
                lead = rollout.scores[chosen] - rollout.scores[rejected]
                if lead > 0 and lead >= self.margin and (self.floor is None or rollout.scores[chosen] >= self.floor):
                    yield _pair(rollout, chosen, rejected)
