"""Figures of objectives over seeds: means with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any

from penchant.statistics import Interval, student_interval

__all__ = ["FIGURES", "figures_of_run", "over_seeds"]

#: Figures that objectives are compared by, in the order of the table; without the loss, whose scale differs.
FIGURES = (
    "rewards/accuracy",
    "labels/accuracy",
    "logps/accuracy",
    "logps/margin",
    "rewards/margin",
    "rewards/ndcg",
    "rewards/kendall",
    "rewards/top1",
    "nll/forget",
    "nll/retain",
    "kl",
    "samples/length",
    "seconds",
)


#: Figures that cannot leave a range, which Student's interval of a few seeds does not know.
_RANGES = {"accuracy": (0.0, 1.0), "ndcg": (0.0, 1.0), "top1": (0.0, 1.0), "kendall": (-1.0, 1.0)}


def figures_of_run(summary: Mapping[str, Any], side: str = "after") -> dict[str, float]:
    """The figures of one run for the comparison.

    Args:
        summary: the contents of ``summary.json``.
        side: ``before`` or ``after`` training.

    Returns:
        The figures that the run has; ``logps/margin`` is log π(chosen) − log π(rejected), nats per response. The
        accuracy of single responses is ``labels/accuracy``: it cannot be compared with the accuracy of pairs.

    Example:
        >>> figures_of_run({"after": {"logps/chosen": -5.0, "logps/rejected": -7.0, "kl": 0.5}, "seconds": 3.0})
        {'logps/margin': 2.0, 'kl': 0.5, 'seconds': 3.0}
    """
    figures = dict(summary.get(side, {}))
    if {"logps/chosen", "logps/rejected"} <= figures.keys():
        figures["logps/margin"] = figures["logps/chosen"] - figures["logps/rejected"]
    if {"rewards/desirable", "rewards/undesirable"} & figures.keys() and "rewards/accuracy" in figures:
        figures["labels/accuracy"] = figures.pop("rewards/accuracy")
    if side == "after" and "seconds" in summary:
        figures["seconds"] = summary["seconds"]
    return {key: float(figures[key]) for key in FIGURES if key in figures}


def over_seeds(runs: Sequence[Mapping[str, float]]) -> dict[str, dict[str, Any]]:
    """Each figure's mean over runs of one objective, its 95 % t-interval, and the values.

    Args:
        runs: the figures of each run, as `figures_of_run` gives them.

    Example:
        >>> over_seeds([{"kl": 1.0}, {"kl": 1.0}])
        {'kl': {'mean': 1.0, 'low': 1.0, 'high': 1.0, 'values': [1.0, 1.0]}}
    """
    found = {}
    for key in FIGURES:
        values = [run[key] for run in runs if key in run]
        if values:
            # A single run has no interval; both ends are its value.
            each = student_interval(values) if len(values) > 1 else Interval.around(values[0], 0.0)
            each = each.within(*_RANGES.get(key.rpartition("/")[2], (-inf, inf)))
            found[key] = {"mean": each.value, "low": each.low, "high": each.high, "values": values}
    return found
