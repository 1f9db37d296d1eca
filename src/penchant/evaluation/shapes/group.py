"""Metrics of several scored or ranked responses to a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from penchant.evaluation.list_metrics import ListMetrics, list_metrics
from penchant.evaluation.shapes.shape import SHAPES, Measured
from penchant.evaluation.tally import Tally, win

__all__ = ["LENGTHS", "METRICS", "group_metrics", "list_quality", "ordered_pairs"]

#: The metrics of lists.
METRICS = ("ndcg", "kendall", "top1")


#: Lengths of lists that have metrics of their own; the same in every process, whatever lists it holds.
LENGTHS = (*map(str, range(2, 10)), "10+")


@SHAPES.register("group")
def group_metrics(measured: Measured) -> None:
    """How well the responses to a prompt are ordered.

    Over all pairs of responses to one prompt with different scores (or ranks): ``rewards/accuracy``, the share whose
    rewards are in the order of the scores, and ``logps/accuracy``, the same for the mean log-probability per token;
    ties count half. Over the lists: ``rewards/ndcg``, ``rewards/kendall`` and ``rewards/top1``, and the same for
    ``logps`` (`penchant.evaluation.list_metrics`); and by the number K of responses, from 2 to 9 and ``10+``,
    ``lists/share/K`` (of all lists), ``lists/ndcg/K``, ``lists/kendall/K``, ``lists/top1/K`` of the rewards, or of
    ``logps`` without them.

    The scores are the records' field ``scores``, or ``relevance``, or ``ranks`` (1 is best); without them nothing is
    added.
    """
    for _name, scored, rows in measured.of_shape("group"):
        quality = list_quality(measured.fields, len(scored.group))
        if quality is None:
            continue
        better, worse = ordered_pairs(quality, scored.group)
        logps = scored.mean_logp.detach() if scored.likelihood else None
        quantities = {"logps": logps, "rewards": measured.objective.rewards(scored)}
        known = {name: values for name, values in quantities.items() if values is not None}
        for name, values in known.items():
            measured.tally.add(f"{name}/accuracy", win(values[better] - values[worse]), rows[better])
            found = list_metrics(values, quality, scored.group)
            counted = measured.counted[: len(found.ordered)] * found.ordered
            for metric in METRICS:
                measured.tally.add(f"{name}/{metric}", getattr(found, metric), counted)
        _by_length(measured.tally, found, counted)  # of the rewards, which come last


def _by_length(tally: Tally, found: ListMetrics, counted: Tensor) -> None:
    lengths = found.size.clamp(max=10)
    for length, name in enumerate(LENGTHS, start=2):
        kept = counted * (lengths == length)
        tally.add(f"lists/share/{name}", (lengths == length).double(), counted)
        for metric in METRICS:
            tally.add(f"lists/{metric}/{name}", getattr(found, metric), kept)


def list_quality(fields: Mapping[str, Any], responses: int) -> Tensor | None:
    """[R] a number for each response, higher is better; None if the records have no scores or ranks.

    Args:
        fields: of the batch.
        responses: R.
    """
    scores, ranks = (fields.get("scores", fields.get("relevance")), fields.get("ranks"))
    quality = scores if scores is not None else None if ranks is None else -ranks
    return quality if quality is not None and quality.shape == (responses,) else None


def ordered_pairs(quality: Tensor, group: Tensor) -> tuple[Tensor, Tensor]:
    """The rows of the better and of the worse response of each pair in one group.

    Args:
        quality: [R], higher is better.
        group: [R] integer, the list of each response.
    """
    same = group.unsqueeze(1) == group.unsqueeze(0)
    above = quality.unsqueeze(1) > quality.unsqueeze(0)
    better, worse = torch.nonzero(same & above, as_tuple=True)
    return better, worse
