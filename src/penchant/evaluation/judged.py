"""Figures of held-out judgements: separation of the classes, calibration of the rewards, and divergence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from penchant.evaluation.tally import ROUNDING
from penchant.statistics import Interval, area_interval, mean_interval, share_interval

__all__ = ["Bin", "calibration_bins", "judged_figures", "judged_intervals"]

#: Bins of the calibration, with an equal number of responses each.
BINS = 10
Rewards = Mapping[str, Sequence[float]]


class Bin(NamedTuple):
    """Responses of similar σ(reward − shift).

    Args:
        expected: mean of σ(reward − shift).
        observed: share of desirable responses.
        responses: number of responses.
    """

    expected: float
    observed: float
    responses: int


def judged_figures(rewards: Rewards, divergence: Sequence[float] = (), shift: float = 0.0) -> dict[str, float]:
    """Figures that need all held-out responses of both labels at once.

    ``separation``, the probability that a desirable response has a larger reward than an undesirable one (the area
    under the ROC curve; rewards that differ by rounding are ties); ``calibration/error``, the mean difference between
    σ(reward − shift) and the share of desirable responses in ten bins of equal size; ``calibration/brier``, the mean of
    (σ(reward − shift) − label)², 0.25 for rewards of 0; ``divergence``, the mean log-ratio of mismatched responses,
    nats.

    Args:
        rewards: the implicit rewards of ``desirable`` and of ``undesirable`` responses.
        divergence: the log-ratio of each mismatched response, nats.
        shift: what the objective subtracts from a reward before it compares it with a label (δ of BCO).

    Returns:
        The figures; those that need both labels only if there are both.

    Example:
        >>> found = judged_figures({"desirable": [2.0, 1.0], "undesirable": [-1.0, 1.5]})
        >>> found["separation"], round(found["calibration/brier"], 3)
        (0.75, 0.207)
    """
    good, bad = _sides(rewards)
    found = {}
    if good and bad:
        found["separation"] = _separation(good, bad).value
    if good or bad:
        bins = calibration_bins(rewards, shift=shift)
        total = len(good) + len(bad)
        found["calibration/error"] = sum(each.responses * abs(each.expected - each.observed) for each in bins) / total
        found["calibration/brier"] = sum(_squares(good, bad, shift)) / total
    if divergence:
        found["divergence"] = sum(divergence) / len(divergence)
    return found


def judged_intervals(rewards: Rewards, divergence: Sequence[float] = (), shift: float = 0.0) -> dict[str, Interval]:
    """The 95 % intervals of the figures of judgements: those of `judged_figures`, and those of each label.

    Args:
        rewards: the implicit rewards of ``desirable`` and of ``undesirable`` responses.
        divergence: the log-ratio of each mismatched response, nats.
        shift: as for `judged_figures`.

    Example:
        >>> sorted(judged_intervals({"desirable": [2.0, 1.0], "undesirable": [-1.0]}))
        ['calibration/brier', 'labels/desirable', 'rewards/accuracy', 'rewards/desirable', 'separation']
    """
    good, bad = _sides(rewards)
    if not (good or bad):
        return {}
    means = {"rewards/desirable": good, "rewards/undesirable": bad, "calibration/brier": _squares(good, bad, shift)}
    found = {name: mean_interval(values) for name, values in means.items() if len(values) > 1}
    if len(divergence) > 1:
        found["divergence"] = mean_interval(divergence)
    signed = [*good, *(-each for each in bad)]
    right = sum(0.5 if abs(each) <= ROUNDING else float(each > 0) for each in signed) / len(signed)
    found["rewards/accuracy"] = share_interval(right, len(signed))
    found["labels/desirable"] = share_interval(len(good) / len(signed), len(signed))
    if good and bad:
        found["separation"] = _separation(good, bad)
    return found


def calibration_bins(rewards: Rewards, bins: int = BINS, shift: float = 0.0) -> list[Bin]:
    """The responses in bins of similar σ(reward − shift), lowest first.

    A classifier whose logit is reward − shift is calibrated if ``observed`` equals ``expected`` in every bin.

    Args:
        rewards: the implicit rewards of ``desirable`` and of ``undesirable`` responses.
        bins: number of bins of (nearly) equal size; fewer if there are fewer responses. Equal rewards share a bin.
        shift: as for `judged_figures`.

    Example:
        >>> calibration_bins({"desirable": [0.0], "undesirable": [0.0, -50.0]}, bins=3)[-1]
        Bin(expected=0.5, observed=0.5, responses=2)
    """
    good, bad = _sides(rewards)
    ordered = sorted([(_rounded(each), 1.0) for each in good] + [(_rounded(each), 0.0) for each in bad])
    size, parts = max(1, -(-len(ordered) // bins)), []
    while ordered:
        stop = size
        while stop < len(ordered) and ordered[stop][0] == ordered[min(size, len(ordered)) - 1][0]:
            stop += 1
        parts.append(ordered[:stop])
        ordered = ordered[stop:]
    return [
        Bin(
            sum(_sigmoid(each - shift) for each, _ in part) / len(part),
            sum(own for _, own in part) / len(part),
            len(part),
        )
        for part in parts
    ]


def _sides(rewards: Rewards) -> tuple[list[float], list[float]]:
    good, bad = (list(rewards.get(side) or ()) for side in ("desirable", "undesirable"))
    return good, bad


def _separation(good: Sequence[float], bad: Sequence[float]) -> Interval:
    return area_interval([_rounded(each) for each in good], [_rounded(each) for each in bad])


def _rounded(reward: float) -> float:
    """The reward without differences that are rounding of the models."""
    return round(reward / ROUNDING) * ROUNDING


def _squares(good: Sequence[float], bad: Sequence[float], shift: float) -> list[float]:
    return [(_sigmoid(each - shift) - 1.0) ** 2 for each in good] + [_sigmoid(each - shift) ** 2 for each in bad]


def _sigmoid(value: float) -> float:
    return 0.5 * (1.0 + math.tanh(0.5 * value))
