"""Feedback from the language world: demonstrations, prompts, labelled comparisons."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, pstdev, quantiles
from typing import Any

from penchant.lab.worlds.language.reviews import write_prompt, write_review
from penchant.lab.worlds.language.sentiment import true_reward

__all__ = [
    "RewardDistribution",
    "comparisons",
    "demonstrations",
    "label_extremes",
    "label_pairs",
    "preference_probability",
    "prompts",
    "reward_distribution",
]


def demonstrations(count: int, *, seed: int = 0) -> list[dict[str, Any]]:
    """Prompts with one review each, as ``{"prompt", "completion"}``.

    Args:
        count: number of records, at least 0.
        seed: the same seed gives the same records.

    Example:
        >>> demonstrations(1, seed=1)[0]["prompt"]
        'a few words about the wooden radio, please:'
    """
    rng = random.Random(seed)
    records = []
    for _ in range(count):
        prompt = write_prompt(rng)
        records.append({"prompt": prompt.text, "completion": write_review(prompt, rng)})
    return records


def prompts(count: int, *, seed: int = 0, without: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Distinct prompts, as ``{"prompt"}``.

    Args:
        count: number of records, at most a few thousand (there are about 20,000 prompts).
        seed: the same seed gives the same records.
        without: prompts to exclude, for example those trained on.

    Example:
        >>> first, second = prompts(1, seed=3), prompts(1, seed=3, without=[prompts(1, seed=3)[0]["prompt"]])
        >>> first == second
        False
    """
    rng = random.Random(seed)
    taken, records = set(without), list[dict[str, Any]]()
    while len(records) < count:
        text = write_prompt(rng).text
        if text not in taken:
            taken.add(text)
            records.append({"prompt": text})
    return records


def preference_probability(difference: float, scale: float) -> float:
    """Bradley-Terry: P(first preferred) = 1 / (1 + exp(−scale · (r_first − r_second))).

    Example:
        >>> preference_probability(0.0, 4.0)
        0.5
    """
    return 0.5 * (1.0 + math.tanh(0.5 * scale * difference))


def label_pairs(
    prompt: str, responses: Sequence[str], *, scale: float, rng: random.Random, reward: Any = true_reward
) -> list[dict[str, Any]]:
    """All pairs of different responses to a prompt, labelled with Bradley-Terry noise.

    The first of a pair is chosen with probability σ(scale · (r_first − r_second)): a smaller ``scale`` is noisier.
    Duplicates are removed; pairs with equal reward are left out.

    Args:
        prompt: the prompt.
        responses: two or more responses; duplicates are ignored.
        scale: inverse temperature of the annotator, per unit of reward, > 0.
        rng: source of the noise.
        reward: ``reward(prompt, response) -> float``.

    Returns:
        Comparisons ``{"prompt", "chosen", "rejected", "chosen_score", "rejected_score"}`` with the true rewards.

    Example:
        >>> pair = label_pairs("review of the hat:", ["it is bad.", "it is great."], scale=1e6, rng=random.Random(0))
        >>> pair[0]["chosen"]
        'it is great.'
    """
    scored = [(response, float(reward(prompt, response))) for response in dict.fromkeys(responses)]
    pairs = []
    for first, second in combinations(scored, 2):
        if first[1] == second[1]:
            continue
        prefers_first = rng.random() < preference_probability(first[1] - second[1], scale)
        pairs.append(_comparison(prompt, *((first, second) if prefers_first else (second, first))))
    return pairs


def label_extremes(
    prompt: str, responses: Sequence[str], *, scale: float, rng: random.Random, reward: Any = true_reward
) -> list[dict[str, Any]]:
    """The best against the worst response, judged with Bradley-Terry noise.

    utility = scale · r + g,   g ~ Gumbel

    The difference of two Gumbel variables is logistic, so for any two responses the first has the higher utility with
    probability σ(scale · (r_first − r_second)): this is Bradley-Terry noise, drawn once per response. The extremes of
    several responses differ more than two random responses, so a comparison is more informative.

    Args:
        prompt: the prompt.
        responses: any number; duplicates are ignored.
        scale: inverse temperature of the annotator, per unit of reward, > 0.
        rng: source of the noise.
        reward: ``reward(prompt, response) -> float``.

    Returns:
        One comparison as in :func:`label_pairs`, or none if fewer than two responses differ, or if the two extremes
        have equal reward.

    Example:
        >>> reviews = ["it is fine.", "it is bad.", "it is great."]
        >>> [pair] = label_extremes("review of the hat:", reviews, scale=1e6, rng=random.Random(0))
        >>> pair["chosen"], pair["rejected"]
        ('it is great.', 'it is bad.')
    """
    scored = [(response, float(reward(prompt, response))) for response in dict.fromkeys(responses)]
    # -log(Exponential) is Gumbel.
    liked = sorted(scored, key=lambda each: scale * each[1] - math.log(rng.expovariate(1.0) or 1e-300))
    if len(liked) < 2 or liked[-1][1] == liked[0][1]:
        return []
    return [_comparison(prompt, liked[-1], liked[0])]


def _comparison(prompt: str, chosen: tuple[str, float], rejected: tuple[str, float]) -> dict[str, Any]:
    return {
        "prompt": prompt,
        "chosen": chosen[0],
        "rejected": rejected[0],
        "chosen_score": chosen[1],
        "rejected_score": rejected[1],
    }


def comparisons(count: int, *, seed: int = 0, scale: float = 6.0) -> list[dict[str, Any]]:
    """Comparisons between two generated reviews for the same prompt; fields as in :func:`label_pairs`.

    Args:
        count: number of records, at least 0.
        seed: the same seed gives the same records.
        scale: inverse temperature of the annotator, > 0.

    Example:
        >>> sorted(comparisons(1, seed=0)[0])
        ['chosen', 'chosen_score', 'prompt', 'rejected', 'rejected_score']
    """
    rng = random.Random(seed)
    records: list[dict[str, Any]] = []
    while len(records) < count:
        prompt = write_prompt(rng)
        reviews = [write_review(prompt, rng) for _ in range(2)]
        records += label_pairs(prompt.text, reviews, scale=scale, rng=rng)
    return records


@dataclass(frozen=True)
class RewardDistribution:
    """Summary of the true reward over a sample: mean, standard deviation, quartiles, share above zero."""

    mean: float
    deviation: float
    quartiles: tuple[float, float, float]
    positive: float


def reward_distribution(records: Sequence[dict[str, Any]], field: str = "completion") -> RewardDistribution:
    """Summary statistics of the true reward of the responses in ``records``.

    Args:
        records: at least two records with ``prompt`` and ``field``.
        field: the field that contains the response.

    Example:
        >>> abs(reward_distribution(demonstrations(200)).mean) < 0.2
        True
    """
    rewards = [true_reward(record["prompt"], record[field]) for record in records]
    low, middle, high = quantiles(rewards, n=4)
    above = sum(reward > 0 for reward in rewards) / len(rewards)
    return RewardDistribution(fmean(rewards), pstdev(rewards), (low, middle, high), above)
