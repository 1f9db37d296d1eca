"""Intervals of the metrics of lists, over lists: the pairs of one list are not independent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from penchant.evaluation.list_metrics import list_metrics
from penchant.evaluation.shapes.group import METRICS, list_quality, ordered_pairs
from penchant.evaluation.tally import win
from penchant.feedback.views.view import find_view
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.scored import Scored
from penchant.statistics import Interval, mean_interval, share_interval

__all__ = ["list_intervals", "list_values"]

_RIGHT, _PAIRS = "right", "pairs"


def list_values(objective: Objective, views: Mapping[str, Scored], fields: Mapping[str, Any]) -> dict[str, list[float]]:
    """The metrics of each list of a batch by name, and its pairs: all of them and those in the right order.

    Args:
        objective: gives the rewards.
        views: by name.
        fields: of the batch, with the scores or ranks.
    """
    found: dict[str, list[float]] = {}
    for view, scored in views.items():
        quality = list_quality(fields, len(scored.group)) if "group" in find_view(view).shapes else None
        logps = scored.mean_logp if scored.likelihood else None
        for name, values in {"rewards": objective.rewards(scored), "logps": logps}.items():
            if quality is not None and values is not None:
                for metric, each in _of_each_list(values.detach(), quality, scored.group).items():
                    found.setdefault(f"{name}/{metric}", []).extend(each.tolist())
    return found


def _of_each_list(values: Tensor, quality: Tensor, group: Tensor) -> dict[str, Tensor]:
    """Metrics and pairs of the lists that have an order."""
    known = list_metrics(values, quality, group)
    better, worse = ordered_pairs(quality, group)
    none = torch.zeros(len(known.ordered), dtype=torch.double, device=values.device)
    right = none.index_add(0, group[better], win(values[better] - values[worse]).double())
    pairs = none.index_add(0, group[better], torch.ones_like(better, dtype=torch.double))
    metrics = {name: getattr(known, name) for name in METRICS}
    return {name: each[known.ordered] for name, each in {**metrics, _RIGHT: right, _PAIRS: pairs}.items()}


def list_intervals(lists: Mapping[str, Sequence[float]]) -> dict[str, Interval]:
    """The 95 % intervals of the metrics of lists by name; none of fewer than two lists.

    Args:
        lists: what `list_values` gave for all batches.

    Example:
        >>> values = {"rewards/ndcg": [1.0, 0.5], "rewards/right": [3.0, 1.0], "rewards/pairs": [3.0, 3.0]}
        >>> found = list_intervals(values)
        >>> sorted(found), round(found["rewards/accuracy"].value, 3)
        (['rewards/accuracy', 'rewards/ndcg'], 0.667)
    """
    found = {}
    for name, values in lists.items():
        quantity, _, metric = name.partition("/")
        if len(values) < 2 or metric == _PAIRS:
            continue
        if metric == _RIGHT:
            found[f"{quantity}/accuracy"] = _ratio(values, lists[f"{quantity}/{_PAIRS}"]).within(0, 1)
        elif metric == "top1":
            found[name] = share_interval(sum(values) / len(values), len(values))
        else:
            found[name] = mean_interval(values).within(-1 if metric == "kendall" else 0, 1)
    return found


def _ratio(right: Sequence[float], pairs: Sequence[float]) -> Interval:
    """Σ right / Σ pairs with its interval over lists (the variance of a ratio, linearised)."""
    share, size = sum(right) / sum(pairs), sum(pairs) / len(pairs)
    spread = mean_interval([(good - share * count) / size for good, count in zip(right, pairs, strict=True)])
    return Interval.around(share, spread.high - spread.value)
