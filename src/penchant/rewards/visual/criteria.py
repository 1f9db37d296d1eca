"""Rewards of Vision-R1: precision and recall of labelled boxes, and rules that become stricter."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from penchant.rewards.visual.boxes import Box, generalised_overlap, overlap

__all__ = ["Labelled", "Rules", "boxes_written", "match_labelled", "precision_and_recall", "rules_at"]

_FENCE = re.compile(r"```(?:json)?")


class Labelled(NamedTuple):
    """A box with a label."""

    label: str
    box: Box


class Rules(NamedTuple):
    """Thresholds: scores below ``low`` count 0, above ``high`` 1; a recalled object has at least ``met``."""

    low: float
    high: float
    met: float
    recall_low: float = 0.0
    recall_high: float = 1.0


def rules_at(step: int | None, switch: int = 1500) -> Rules:
    """The rules at an optimizer step.

    Args:
        step: None for no refinement.
        switch: the step from which the second, stricter stage holds.

    Example:
        >>> rules_at(2000).low, rules_at(None).high
        (0.75, 1.0)
    """
    if step is None:
        return Rules(0.0, 1.0, 0.5)
    return Rules(0.5, 0.75, 0.5, 0.5, 0.75) if step < switch else Rules(0.75, 0.9, 0.75, 0.5, 0.75)


def match_labelled(
    truth: Sequence[Labelled], named: Sequence[Labelled], score: Literal["iou", "giou"] = "iou"
) -> list[float]:
    """The scores of the pairs of the assignment of least cost.

    cost = L1 distance of the boxes, in pixels − [same label] − generalised overlap

    Args:
        truth: the true boxes.
        named: those of a response.
        score: overlap of a pair (the paper), or its generalised form (the released code).

    Example:
        >>> match_labelled([Labelled("cat", [0, 0, 2, 2])], [Labelled("cat", [1, 0, 3, 2])])
        [0.3333333333333333]

    Reference:
        Zhan et al. (2025), Vision-R1: Evolving Human-Free Alignment in Large Vision-Language Models.
    """
    if not truth or not named:
        return []
    cost = np.array(
        [
            [
                sum(abs(a - b) for a, b in zip(each.box, true.box, strict=True))
                - (each.label == true.label)
                - generalised_overlap(each.box, true.box)
                for true in truth
            ]
            for each in named
        ]
    )
    measure = overlap if score == "iou" else generalised_overlap
    return [
        measure(named[row].box, truth[column].box) for row, column in zip(*linear_sum_assignment(cost), strict=True)
    ]


def precision_and_recall(
    truth: Sequence[Labelled],
    named: Sequence[Labelled],
    rules: Rules,
    score: Literal["iou", "giou"] = "iou",
    *,
    released: bool = False,
) -> tuple[float, float]:
    """Both rewards of a response, in [0, 1].

    precision = mean over matched pairs of f(score),   recall = g(pairs with score ≥ t / number of true boxes)

    A response without boxes gets 0 where the image has objects, and 1 where it has none.

    Args:
        truth: the true boxes.
        named: those of a response.
        rules: the thresholds.
        score: as for `match_labelled`.
        released: a score of exactly t counts t and not 1 in the recall, as in the released code.

    Example:
        >>> cat = Labelled("cat", [0, 0, 2, 2])
        >>> precision_and_recall([cat], [cat], rules_at(None)), precision_and_recall([cat], [], rules_at(None))
        ((1.0, 1.0), (0.0, 0.0))
    """
    if not truth or not named:
        empty = float(not truth and not named)
        return empty, empty
    scores = match_labelled(truth, named, score)
    precision = sum(_between(each, rules.low, rules.high) for each in scores) / len(scores)
    met = [rules.met if released and each == rules.met else float(each >= rules.met) for each in scores]
    recall = sum(met) / len(truth)
    return precision, _between(recall, rules.recall_low, rules.recall_high)


def _between(value: float, low: float, high: float) -> float:
    if value < low:
        return 0.0
    return 1.0 if value > high else value


def boxes_written(response: str, objects: int = 1) -> float:
    """1 if the text, without code fences, is JSON of entries with a label and a box of four numbers; else 0.

    Turned round where the image has no object, as in the released code; there a valid empty list gets 0.

    Args:
        response: the text.
        objects: number of objects in the image.

    Example:
        >>> boxes_written('[{"bbox_2d": [1, 2, 3, 4], "label": "cat"}]'), boxes_written("a cat")
        (1.0, 0.0)
    """
    try:
        read = json.loads(_FENCE.sub("", response).strip())
        entries = read if isinstance(read, list) else [read]
        good = all(isinstance(each, dict) and len(each["bbox_2d"]) == 4 and "label" in each for each in entries)
    except (ValueError, KeyError, TypeError):
        good = False
    return float(good) if objects else 1.0 - float(good)
