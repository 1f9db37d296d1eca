"""Metrics of several scored or ranked responses to a prompt."""

from __future__ import annotations

import torch
from torch import Tensor

from penchant.evaluation.shapes.shape import SHAPES, Measured
from penchant.evaluation.tally import win

__all__ = ["group_metrics"]


@SHAPES.register("group")
def group_metrics(measured: Measured) -> None:
    """How often two responses are ranked in the order of their scores.

    Over all pairs of responses to one prompt with different scores (or ranks): ``rewards/accuracy``, the share whose
    rewards are in the order of the scores, and ``logps/accuracy``, the same for the mean log-probability per token;
    ties count half.

    The scores are the records' field ``scores``, or ``ranks`` (1 is best); without them nothing is added.
    """
    for _name, scored, rows in measured.of_shape("group"):
        quality = _quality(measured, len(scored.group))
        if quality is None:
            continue
        better, worse = _ordered_pairs(quality, scored.group)
        quantities = {"logps": scored.mean_logp.detach(), "rewards": measured.objective.rewards(scored)}
        for name, values in quantities.items():
            if values is not None:
                measured.tally.add(f"{name}/accuracy", win(values[better] - values[worse]), rows[better])


def _quality(measured: Measured, responses: int) -> Tensor | None:
    """[R] a number for each response, higher is better; None if the records have no scores or ranks."""
    scores, ranks = measured.fields.get("scores"), measured.fields.get("ranks")
    quality = scores if scores is not None else None if ranks is None else -ranks
    return quality if quality is not None and quality.shape == (responses,) else None


def _ordered_pairs(quality: Tensor, group: Tensor) -> tuple[Tensor, Tensor]:
    """The rows of the better and of the worse response of each pair in one group."""
    same = group.unsqueeze(1) == group.unsqueeze(0)
    above = quality.unsqueeze(1) > quality.unsqueeze(0)
    better, worse = torch.nonzero(same & above, as_tuple=True)
    return better, worse
