"""Best-of-n: the expected reward of the best of n samples without bias, and its exact bound on the divergence."""

from __future__ import annotations

import math
from collections.abc import Sequence

from penchant.errors import DataError

__all__ = ["best_of_n", "best_of_n_curve", "divergence_bound"]


def best_of_n(rewards: Sequence[float], n: int, quality: Sequence[float] | None = None) -> float:
    """An unbiased estimate of the quality of the best of n samples, from N ≥ n samples of one prompt.

    Σ_{i=n}^N q_(i) · C(i − 1, n − 1) / C(N, n),   samples in ascending order of reward

    Args:
        rewards: [N] by which the best sample is chosen.
        n: number of samples to choose from, 1 to N.
        quality: [N] the true quality of the samples; default: the reward itself. Samples of equal reward share their
            mean quality.

    Raises:
        DataError: n is out of range, or the lengths differ.

    Example:
        >>> [best_of_n([1.0, 2.0, 3.0], n) for n in (1, 2, 3)]
        [2.0, 2.6666666666666665, 3.0]

    Reference:
        Nakano et al. (2021), WebGPT, arXiv:2112.09332, appendix I.
    """
    quality = rewards if quality is None else quality
    count = len(rewards)
    if not 1 <= n <= count or len(quality) != count:
        raise DataError(f"The best of {n} cannot be estimated from {count} rewards and {len(quality)} qualities.")
    by_reward: dict[float, list[float]] = {}
    for reward, own in zip(rewards, quality, strict=True):
        by_reward.setdefault(reward, []).append(own)
    ordered = [sum(by_reward[each]) / len(by_reward[each]) for each in sorted(rewards)]
    ways = math.comb(count, n)
    return sum(ordered[i - 1] * (math.comb(i - 1, n - 1) / ways) for i in range(n, count + 1))


def divergence_bound(n: int) -> float:
    """The largest divergence of best-of-n from its base, log n − (n − 1)/n nats; reached where all rewards differ.

    Example:
        >>> divergence_bound(1), round(divergence_bound(4), 4)
        (0.0, 0.6363)

    Reference:
        Beirami et al. (2024), Theoretical Guarantees on the Best-of-n Alignment Policy, arXiv:2401.01879.
    """
    return math.log(n) - (n - 1) / n


def best_of_n_curve(
    rewards: Sequence[Sequence[float]], sizes: Sequence[int], quality: Sequence[Sequence[float]] | None = None
) -> list[tuple[int, float, float]]:
    """For each n its bound on the divergence, nats, and the mean quality over prompts.

    Args:
        rewards: [prompts][N].
        sizes: values of n.
        quality: [prompts][N]; default: the rewards.

    Example:
        >>> best_of_n_curve([[0.0, 1.0]], [1, 2])[0]
        (1, 0.0, 0.5)
    """
    qualities = rewards if quality is None else quality
    return [
        (
            n,
            divergence_bound(n),
            sum(best_of_n(one, n, two) for one, two in zip(rewards, qualities, strict=True)) / len(rewards),
        )
        for n in sizes
    ]
