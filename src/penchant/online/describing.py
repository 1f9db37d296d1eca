"""Metrics of a round's samples: lengths, endings, rewards by part, and how many groups say something."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean, pstdev

from penchant.forest.example import Example
from penchant.online.rollouts import Rollout

__all__ = ["describe"]


def describe(rollouts: Sequence[Rollout], examples: Sequence[Example]) -> dict[str, float]:
    """Metrics of a round's samples.

    Args:
        rollouts: all samples of the round, also those that are not used.
        examples: the training examples of the round.

    Returns:
        ``sampled/...``: mean, least and greatest length in tokens; the share with an end token; the number of examples;
        mean reward, its mean deviation within a prompt, the share without a score, and the shares of prompts whose
        rewards are all equal and of those that are not used; the share of comparisons that neither response wins; the
        mean weight that corrects for other weights; the mean divergence from the reference and its coefficient in the
        reward; the mean of each of the sampler's numbers.
        ``reward/NAME/...``: mean, deviation and missing share of each part of the judge.
    """
    given = [response for each in rollouts for response in each.responses]
    lengths = [each.length for each in given]
    numbers = {
        "sampled/length": fmean(lengths),
        "sampled/length_least": float(min(lengths)),
        "sampled/length_greatest": float(max(lengths)),
        "sampled/finished": fmean(each.finished for each in given),
        "sampled/examples": float(len(examples)),
    }
    if divergences := [value for each in rollouts for value in each.divergence]:
        numbers |= {"sampled/divergence": fmean(divergences), "sampled/reward_kl": rollouts[0].settings["reward_kl"]}
    if unused := sum(not each.used for each in rollouts):
        numbers["sampled/unused"] = unused / len(rollouts)
    weights = [value for each in rollouts for own in each.weights for value in own]
    if weights:
        numbers["sampled/weight"] = fmean(weights)
    return numbers | _ties(rollouts) | _rewards(rollouts) | _parts(rollouts) | _facts(rollouts)


def _ties(rollouts: Sequence[Rollout]) -> dict[str, float]:
    """The share of the judge's comparisons in which neither response is preferred."""
    tables = [each.probabilities for each in rollouts]
    known = [value for table in tables for place, row in enumerate(table) for value in row[place + 1 :]]
    known = [value for value in known if not math.isnan(value)]
    return {"sampled/ties": fmean(value == 0.5 for value in known)} if known else {}


def _facts(rollouts: Sequence[Rollout]) -> dict[str, float]:
    names = dict.fromkeys(name for each in rollouts for name in each.facts)
    return {f"sampled/{name}": fmean(each.facts[name] for each in rollouts if name in each.facts) for name in names}


def _rewards(rollouts: Sequence[Rollout]) -> dict[str, float]:
    known = [[each.scores[place] for place in each.scored] for each in rollouts]
    scores = [score for own in known for score in own]
    if not scores:
        return {}
    numbers = {"sampled/reward": fmean(scores), "sampled/unscored": _missing(each.scores for each in rollouts)}
    several = [own for own in known if len(own) > 1]
    if several:
        numbers["sampled/reward_deviation"] = fmean(map(pstdev, several))
        numbers["sampled/uniform"] = fmean(each.uniform for each in rollouts)
    return numbers


def _parts(rollouts: Sequence[Rollout]) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for name in rollouts[0].parts:
        rows = [each.parts[name] for each in rollouts if name in each.parts]
        known = [score for row in rows for score in row if not math.isnan(score)]
        if known:
            numbers |= {f"reward/{name}/mean": fmean(known), f"reward/{name}/deviation": pstdev(known)}
        numbers[f"reward/{name}/missing"] = _missing(rows)
    return numbers


def _missing(rows: Iterable[Sequence[float]]) -> float:
    return fmean(math.isnan(score) for row in rows for score in row)
