"""Pairings of two samples of one prompt, chosen by their rewards."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

import torch

from penchant.objectives.functional.preferences import win_rates
from penchant.online.pairing import Chosen, Pairing
from penchant.online.rollouts import Rollout
from penchant.registry import Registry

__all__ = [
    "PAIR_RULES",
    "All",
    "BestOther",
    "BestSecond",
    "BestWorst",
    "FirstTwo",
    "Pair",
    "PairRule",
    "leads",
    "pair_fields",
]

#: Indices of the chosen and the rejected response.
Pair = tuple[int, int]

#: The pairings that compare two samples of one prompt by their rewards.
PAIR_RULES: Registry[type[PairRule]] = Registry("pair rule")

#: A smaller probability counts as this one, so that its logarithm is finite.
SURE = 1e-9
_WIN_FIELDS = ("chosen_win_rate", "rejected_win_rate", "preference_probability")


class PairRule(Pairing):
    """Pairs (chosen, rejected) of the samples of one prompt; a subclass implements ``candidates``.

    The further names are those of the released code of RLHF Workflow.

    Candidates are picked by reward − length_penalty · length; within a pair the response with the higher reward is
    chosen, and equal rewards give no pair. So every pair has a margin above 0.
    """

    views = ("chosen", "rejected")
    fields = ("margin", "chosen_score", "rejected_score", *_WIN_FIELDS)
    compared = _WIN_FIELDS
    needs_two = True

    threshold: Annotated[
        float | None, "keep only pairs with one reward at or above it and one below it; default: keep all"
    ] = None
    length_penalty: Annotated[float, "subtracted from the reward for every character when pairs are picked"] = 0.0
    scores: Annotated[
        Literal["given", "lead"],
        "what pairs are picked by and carry: the judge's scores, or their mean lead over all samples of the prompt",
    ] = "given"

    def comparing(self, fields: Collection[str], gives_scores: bool) -> bool:
        """See `Pairing.comparing`; a judge without scores says by how much a response leads."""
        return super().comparing(fields, gives_scores) or (self.scores == "lead" and not gives_scores)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if vars(cls).get("id"):
            PAIR_RULES.add(cls.id, cls, vars(cls).get("aliases", ()))

    @staticmethod
    @abstractmethod
    def candidates(ranked_by: Sequence[float]) -> list[Pair]:
        """Pairs of responses to compare, in either order.

        Args:
            ranked_by: at least two numbers, one for each response; higher is better.
        """

    @classmethod
    def select(
        cls,
        rewards: Sequence[float],
        lengths: Sequence[int] = (),
        length_penalty: float = 0.0,
        threshold: float | None = None,
    ) -> list[Pair]:
        """The pairs of one prompt; see `penchant.online.pairs.select_pairs`."""
        known = [place for place, reward in enumerate(rewards) if not math.isnan(reward)]
        if len(known) < 2:
            return []
        kept = [rewards[place] for place in known]
        sizes = [lengths[place] if length_penalty else 0 for place in known]
        ranked_by = [reward - length_penalty * size for reward, size in zip(kept, sizes, strict=True)]
        pairs = []
        for first, second in cls.candidates(ranked_by):
            better, worse = (first, second) if kept[first] > kept[second] else (second, first)
            if kept[better] == kept[worse] or (threshold is not None and not kept[better] >= threshold > kept[worse]):
                continue
            pairs.append((known[better], known[worse]))
        return pairs

    def choose(self, rollouts: Sequence[Rollout]) -> Iterator[Chosen]:
        """Every pair with its margin, its scores and, if the judge compares, its win rates."""
        for rollout in rollouts:
            judged = rollout if self.scores == "given" else replace(rollout, scores=tuple(leads(rollout)))
            lengths = [len(each.text) for each in rollout.responses]
            for chosen, rejected in self.select(judged.scores, lengths, self.length_penalty, self.threshold):
                views = {"chosen": [rollout.sequence(chosen)], "rejected": [rollout.sequence(rejected)]}
                yield rollout, views, pair_fields(judged, chosen, rejected)


def leads(rollout: Rollout) -> list[float]:
    """The mean score of each response over all K samples of its prompt, itself included; they sum to 0.

    ŝ_i = (1 / K) Σ_j s(i ≻ j),   s(i ≻ j) = r_i − r_j, or log(P_ij / P_ji) of a judge that only compares

    Args:
        rollout: judged samples of a prompt.

    Returns:
        [K]; responses that were not judged are NaN and count for no other one.

    Reference:
        Zhang et al. (2024), Beyond Bradley-Terry Models, section 4 (General Preference Optimization).
    """
    scores = torch.tensor(rollout.scores, dtype=torch.float64)
    table = torch.tensor(rollout.probabilities, dtype=torch.float64)
    # A judge that only compares has the mean probability of a response as its score.
    if not len(table) or not torch.allclose(table.nanmean(dim=-1), scores, equal_nan=True):
        return _numbers(scores - scores.nanmean())
    logs = table.clamp(min=SURE).log()
    return _numbers((logs - logs.T).fill_diagonal_(0.0).nanmean(dim=-1))


def _numbers(values: torch.Tensor) -> list[float]:
    return [float(each) for each in values]


def pair_fields(rollout: Rollout, chosen: int, rejected: int) -> dict[str, Any]:
    """The margin and the scores of a pair and, if the judge has compared, its win rates.

    Args:
        rollout: judged samples of a prompt.
        chosen: index of the chosen response.
        rejected: index of the rejected one.
    """
    better, worse = rollout.scores[chosen], rollout.scores[rejected]
    fields = {"margin": better - worse, "chosen_score": better, "rejected_score": worse}
    if rollout.probabilities:
        table = torch.tensor(rollout.probabilities, dtype=torch.float64)
        rates = win_rates(table)
        fields |= {
            "chosen_win_rate": float(rates[chosen]),
            "rejected_win_rate": float(rates[rejected]),
            "preference_probability": float(table[chosen, rejected]),
        }
    return fields


def _ascending(values: Sequence[float]) -> list[int]:
    """Indices from the lowest value to the highest; ties in order of appearance."""
    return sorted(range(len(values)), key=lambda place: values[place])


def _best(values: Sequence[float]) -> int:
    return max(range(len(values)), key=lambda place: (values[place], -place))


class BestWorst(PairRule):
    """The best response against the worst."""

    id = "best_worst"
    aliases = ("max_min", "max_min_p")

    @staticmethod
    def candidates(ranked_by: Sequence[float]) -> list[Pair]:
        """One pair."""
        return [(_best(ranked_by), _ascending(ranked_by)[0])]


class BestOther(PairRule):
    """The best response against the first of the others."""

    id = "best_other"
    aliases = ("max_random",)

    @staticmethod
    def candidates(ranked_by: Sequence[float]) -> list[Pair]:
        """One pair."""
        best = _best(ranked_by)
        return [(best, 1 if best == 0 else 0)]


class BestSecond(PairRule):
    """The best response against the second best."""

    id = "best_second"
    aliases = ("max_max",)

    @staticmethod
    def candidates(ranked_by: Sequence[float]) -> list[Pair]:
        """One pair."""
        order = _ascending(ranked_by)
        return [(order[-1], order[-2])]


class FirstTwo(PairRule):
    """The first two responses, in any order of reward."""

    id = "first_two"
    aliases = ("random",)

    @staticmethod
    def candidates(ranked_by: Sequence[float]) -> list[Pair]:
        """One pair."""
        return [(0, 1)]


class All(PairRule):
    """Every two responses of a prompt."""

    id = "all"

    @staticmethod
    def candidates(ranked_by: Sequence[float]) -> list[Pair]:
        """K (K − 1) / 2 pairs of K responses."""
        places = range(len(ranked_by))
        return [(first, second) for first in places for second in places if first < second]
