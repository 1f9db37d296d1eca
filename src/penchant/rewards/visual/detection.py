"""Rewards of Visual-RFT: boxes with confidences, and the name of a class."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from penchant.rewards.visual.boxes import Box, generalised_overlap, overlap

__all__ = [
    "Found",
    "class_named",
    "confidence_reward",
    "grounding_reward",
    "match_boxes",
    "overlap_reward",
    "thought_first",
]

_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_FORM = re.compile(r"<think>.*?</think>\s*<answer>.*?</answer>", re.DOTALL)


class Found(NamedTuple):
    """A predicted box: how well it meets the true box that it took (0 for none), and its confidence."""

    overlap: float
    confidence: float


def match_boxes(
    truth: Sequence[Box], boxes: Sequence[Box], confidences: Sequence[float], threshold: float = 0.5
) -> list[Found]:
    """Match predicted boxes to true ones, the most confident first.

    Exact repetitions of a box are dropped. Each box takes the true box, not yet taken, of the largest overlap, if that
    is above the threshold.

    Args:
        truth: the true boxes.
        boxes: the predicted ones.
        confidences: of the predicted ones.
        threshold: overlap that a match must exceed.

    Returns:
        One entry for each different box, the most confident first.

    Example:
        >>> match_boxes([[0, 0, 2, 2]], [[0, 0, 2, 2], [0, 0, 2, 2]], [0.5, 0.9])
        [Found(overlap=1.0, confidence=0.5)]

    Reference:
        Liu et al. (2025), Visual-RFT: Visual Reinforcement Fine-Tuning.
    """
    different: dict[tuple[float, ...], float] = {}
    for box, confidence in zip(boxes, confidences, strict=True):
        different.setdefault(tuple(box), confidence)
    left = list(truth)
    found = []
    for box, confidence in sorted(different.items(), key=lambda each: -each[1]):
        best = max(left, key=lambda true: overlap(true, box), default=None)
        met = 0.0 if best is None else overlap(best, box)
        if best is not None and met > threshold:
            left.remove(best)
        found.append(Found(met if met > threshold else 0.0, confidence))
    return found


def overlap_reward(found: Sequence[Found], truths: int) -> float:
    """The sum of the overlaps over the larger of the numbers of true and of predicted boxes, in [0, 1].

    Example:
        >>> overlap_reward([Found(0.8, 0.9), Found(0.0, 0.2)], truths=1)
        0.4
    """
    return sum(each.overlap for each in found) / max(truths, len(found), 1)


def confidence_reward(found: Sequence[Found]) -> float:
    """The mean of the confidences of matched boxes and of one minus those of the others, in [0, 1]; 0 for no box.

    Example:
        >>> confidence_reward([Found(0.8, 1.0), Found(0.0, 0.5)])
        0.75
    """
    right = [each.confidence if each.overlap > 0 else 1 - each.confidence for each in found]
    return sum(right) / len(right) if right else 0.0


def grounding_reward(truth: Sequence[Box], named: Sequence[Box]) -> float:
    """One more than the generalised overlap of the box that is looked for and the one that is named, in (0, 2].

    Args:
        truth: one box; of several each belongs to the box at its place, and the mean counts.
        named: as many boxes; with another number, or without any, the reward is 0.

    Example:
        >>> grounding_reward([[0, 0, 2, 2]], [[0, 0, 2, 2]]), grounding_reward([[0, 0, 2, 2]], [])
        (2.0, 0.0)
    """
    if not truth or len(truth) != len(named):
        return 0.0
    pairs = zip(truth, named, strict=True)
    return 1.0 + sum(generalised_overlap(one, other) for one, other in pairs) / len(truth)


def class_named(response: str, answer: str, *, allow_empty: bool = False) -> float:
    """1 if the class that a response names contains the right one, or is contained in it; else 0.

    Both are what stands between ``<answer>`` and ``</answer>``, or the whole text, in lower case without spaces and
    underscores.

    Args:
        response: the text.
        answer: the right class.
        allow_empty: an empty answer counts as contained, as in the released code; otherwise it gets 0.

    Example:
        >>> class_named("<answer>boeing_747</answer>", "Boeing 747-400"), class_named("<answer></answer>", "crow")
        (1.0, 0.0)
    """
    said, right = _plain(response), _plain(answer)
    if not said and not allow_empty:
        return 0.0
    return float(said in right or right in said)


def _plain(text: str) -> str:
    inside = _ANSWER.search(text)
    return (inside.group(1) if inside else text).strip().lower().replace(" ", "").replace("_", "")


def thought_first(response: str) -> float:
    """1 if the whole text is a thought in ``<think>`` tags and then an answer in ``<answer>`` tags; else 0.

    Example:
        >>> thought_first("<think>a bird</think> <answer>crow</answer>"), thought_first("crow")
        (1.0, 0.0)
    """
    return float(_FORM.fullmatch(response) is not None)
