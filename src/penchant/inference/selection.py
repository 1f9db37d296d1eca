"""Pure rules of best-of-n: hard, soft, weighted majority, knock-out, Borda, and scores of several judges."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from torch import Tensor

from penchant.errors import ConfigurationError

__all__ = ["best", "borda", "combined_scores", "knock_out", "majority", "soft_probabilities"]


def best(scores: Sequence[float]) -> int:
    """The place of the largest score; the first of equal ones.

    Example:
        >>> best([0.0, 2.0, 2.0])
        1
    """
    return max(range(len(scores)), key=lambda place: (scores[place], -place))


def soft_probabilities(scores: Sequence[float], temperature: float) -> list[float]:
    """Soft best-of-n: the probability of each sample, softmax(r_i / λ).

    λ → 0 is best-of-n, λ → ∞ is a uniform draw.

    Args:
        scores: one r_i per sample.
        temperature: λ, in units of the score, above 0.

    Example:
        >>> soft_probabilities([0.0, 0.0], 1.0)
        [0.5, 0.5]
    """
    found: list[float] = (torch.tensor(scores, dtype=torch.float64) / temperature).softmax(-1).tolist()
    return found


def majority(answers: Sequence[str | None], scores: Sequence[float]) -> int | None:
    """Weighted majority: the best sample of the answer whose samples have the largest sum of scores.

    Equal sums go to the answer with the best sample. Samples without an answer do not vote.

    Args:
        answers: the answer of each sample in a form in which equal ones are equal texts; None for none.
        scores: the weight of each sample, at least 0: 1 for a plain majority.

    Returns:
        The place of the sample; None if no sample has an answer.

    Raises:
        ConfigurationError: a weight is negative, as rewards on a logit scale are.

    Example:
        >>> majority(["4", "5", "5", None], [0.9, 0.5, 0.6, 1.0])
        2
    """
    if any(score < 0 for score, answer in zip(scores, answers, strict=True) if answer is not None):
        raise ConfigurationError(
            "A weighted majority adds up scores, and one of them is below 0.",
            why="A further vote for an answer would count against it.",
            fix="Use a judge whose scores are at least 0 (probabilities, right or wrong), or another rule.",
        )
    sums: dict[str, float] = {}
    for answer, score in zip(answers, scores, strict=True):
        if answer is not None:
            sums[answer] = sums.get(answer, 0.0) + score
    voting = [place for place, answer in enumerate(answers) if answer is not None]
    return max(voting, key=lambda at: (sums[str(answers[at])], scores[at], -at), default=None)


def borda(preferences: Tensor) -> list[float]:
    """Mean probability with which each response is preferred to the others, [K]; Borda's count, up to its scale.

    Args:
        preferences: [K, K] probability that i is preferred to j; the diagonal is not read. K = 1 gives ½.

    Example:
        >>> borda(torch.tensor([[0.5, 0.75, 0.5], [0.25, 0.5, 0.25], [0.5, 0.75, 0.5]]))
        [0.625, 0.25, 0.625]
    """
    others = len(preferences) - 1
    if not others:
        return [0.5]
    wide = preferences.double()
    return [round(each, 12) for each in ((wide.sum(-1) - wide.diagonal()) / others).tolist()]


def knock_out(preferences: Tensor, seed: int) -> int:
    """The winner of a knock-out tournament in a random draw; K − 1 comparisons, and a tie goes to the first.

    Args:
        preferences: [K, K] probability that i is preferred to j.
        seed: of the draw.

    Example:
        >>> knock_out(torch.tensor([[0.5, 0.1], [0.9, 0.5]]), seed=0)
        1
    """
    left = list(range(len(preferences)))
    random.Random(seed).shuffle(left)
    while len(left) > 1:
        pairs = zip(left[::2], left[1::2], strict=False)
        winners = [min(pair) if preferences[pair] == 0.5 else pair[int(preferences[pair] < 0.5)] for pair in pairs]
        left = winners + ([left[-1]] if len(left) % 2 else [])
    return left[0]


def combined_scores(scores: Tensor, rule: str, penalty: float = 1.0) -> list[float]:
    """One score per response from those of several judges, each standardised over the responses first.

    ``mean``: the mean; ``worst``: the smallest; ``uncertainty``: mean − c · standard deviation over the judges.

    Args:
        scores: [judges, responses].
        rule: one of the three.
        penalty: c.

    Returns:
        One number per response; with one judge its scores as they are.

    Example:
        >>> combined_scores(torch.tensor([[1.0, 3.0], [30.0, 10.0]]), "worst")
        [-1.0, -1.0]
    """
    if len(scores) == 1:
        return [float(each) for each in scores[0]]
    wide = scores.double()
    spread = wide.std(-1, correction=0, keepdim=True)
    unit = (wide - wide.mean(-1, keepdim=True)) / torch.where(spread > 0, spread, 1.0)
    found = {
        "mean": unit.mean(0),
        "worst": unit.amin(0),
        "uncertainty": unit.mean(0) - penalty * unit.std(0, correction=0),
    }
    if rule not in found:
        raise ConfigurationError(f"There is no rule {rule!r} for several judges; there are {', '.join(found)}.")
    return [float(each) for each in found[rule]]
