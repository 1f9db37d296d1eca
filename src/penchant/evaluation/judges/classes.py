"""How well each of several classes is found: F1 of each, and their mean."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from penchant.errors import DataError

__all__ = ["class_f1", "macro_f1"]


def class_f1(predicted: Sequence[Hashable], labels: Sequence[Hashable]) -> dict[Hashable, float]:
    """The F1 of each class, in [0, 1]; higher is better.

    F1 = 2 TP / (2 TP + FP + FN)

    Args:
        predicted: one class an example.
        labels: the right classes, in the same order.

    Returns:
        By class, in the order of first occurrence; a class that neither occurs nor is predicted has none.

    Raises:
        DataError: the lengths differ, or there are no examples.

    Example:
        >>> class_f1(["left", "left", "tie"], ["left", "right", "tie"])
        {'left': 0.6666666666666666, 'right': 0.0, 'tie': 1.0}
    """
    if len(predicted) != len(labels) or not labels:
        raise DataError(f"Classes need one label for each prediction; got {len(predicted)} and {len(labels)}.")
    found: dict[Hashable, float] = {}
    for name in dict.fromkeys([*labels, *predicted]):
        hits = sum(one == two == name for one, two in zip(predicted, labels, strict=True))
        found[name] = 2 * hits / (sum(each == name for each in predicted) + sum(each == name for each in labels))
    return found


def macro_f1(predicted: Sequence[Hashable], labels: Sequence[Hashable]) -> float:
    """The mean F1 over the classes that occur or are predicted, so that a rare class counts as much as a common one.

    Args:
        predicted: one class an example.
        labels: the right classes, in the same order.

    Raises:
        DataError: the lengths differ, or there are no examples.

    Example:
        >>> macro_f1(["left", "left", "tie"], ["left", "right", "tie"])
        0.5555555555555555
    """
    each = class_f1(predicted, labels)
    return sum(each.values()) / len(each)
