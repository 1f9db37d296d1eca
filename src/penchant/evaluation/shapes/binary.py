"""Metrics of single responses with a label, desirable or undesirable."""

from __future__ import annotations

from penchant.evaluation.shapes.shape import SHAPES, Measured
from penchant.evaluation.tally import win

__all__ = ["binary_metrics"]


@SHAPES.register("binary")
def binary_metrics(measured: Measured) -> None:
    """Log-probability and reward by label, and how often the sign of the reward matches the label.

    ``logps/SIDE`` (nats per response) and ``rewards/SIDE`` for the sides ``desirable`` and ``undesirable``;
    ``rewards/accuracy``, the share of responses whose reward is positive if they are desirable and negative if
    they are not (ties count half), ``rewards/ties``, and ``labels/desirable``, the share of desirable responses.

    The label is the record's field ``label``; without it nothing is added.
    """
    label = measured.fields.get("label")
    if label is None:
        return
    for _name, scored, rows in measured.of_shape("binary"):
        liked = label[scored.group] > 0.5
        measured.tally.add("labels/desirable", liked.float(), rows)
        rewards = measured.objective.rewards(scored)
        for side, members in (("desirable", liked), ("undesirable", ~liked)):
            measured.tally.add(f"logps/{side}", scored.logp, rows * members)
            if rewards is not None:
                measured.tally.add(f"rewards/{side}", rewards, rows * members)
        if rewards is not None:
            right = win(rewards * (2.0 * liked - 1.0))
            measured.tally.add("rewards/accuracy", right, rows)
            measured.tally.add("rewards/ties", (right == 0.5).float(), rows)
