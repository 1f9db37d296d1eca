"""The two classes of a run's judgements: their counts, weights that balance them, and warnings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from penchant.feedback.records import Record
from penchant.objectives.core.objective import Objective
from penchant.objectives.functional.class_weights import HIGHEST, LOWEST, balancing_weights
from penchant.training.progress import ProgressReporter

__all__ = ["Classes", "balance_classes", "count_classes"]

WEIGHTS = ("desirable_weight", "undesirable_weight")
# Classes whose weights differ by more are worth a warning; TRL warns of everything outside [1, 4/3].
UNEQUAL = 2.0


class Classes(NamedTuple):
    """The labels of the training data.

    Args:
        desirable: number of desirable responses.
        undesirable: number of undesirable responses.
        weighted: the sums of their weights, which equal the numbers if no record has a weight.
    """

    desirable: int
    undesirable: int
    weighted: tuple[float, float]


def count_classes(records: Iterable[Record]) -> Classes:
    """Count desirable and undesirable responses.

    Args:
        records: judgements, or records whose field ``label`` has one number for each response.

    Example:
        >>> from penchant.feedback import read
        >>> rows = [{"prompt": "Hi", "completion": text, "label": text == "Hello!"} for text in ("Hello!", "No.", "?")]
        >>> count_classes(read(rows))
        Classes(desirable=1, undesirable=2, weighted=(1.0, 2.0))
    """
    counts, weighted = [0, 0], [0.0, 0.0]
    for record in records:
        weight = record.fields.get("weight")
        for label in _labels(record):
            place = 0 if label > 0.5 else 1
            counts[place] += 1
            weighted[place] += 1.0 if weight is None else float(weight)
    return Classes(counts[0], counts[1], (weighted[0], weighted[1]))


def balance_classes(objective: Objective, records: Sequence[Record], reporter: ProgressReporter) -> dict[str, Any]:
    """Replace the class weights ``auto`` of an objective, and say what the labels are.

    Args:
        objective: changed in place; an objective that reads no label stays as it is.
        records: the training records that are used.
        reporter: says the counts and the weights; warns of a missing class, and of classes that are not balanced.

    Returns:
        The counts and weights for the summary of a run; empty if the objective reads no label.

    Raises:
        ConfigurationError: a weight is ``auto``, and a class is missing.
    """
    if "label" not in objective.requirements.fields:
        return {}
    classes = count_classes(records)
    facts: dict[str, Any] = {"desirable": classes.desirable, "undesirable": classes.undesirable}
    counted = f"{classes.desirable:,} desirable and {classes.undesirable:,} undesirable responses"
    for part in _weighing(objective):
        given = [getattr(part, name) for name in WEIGHTS]
        weights = balancing_weights(classes.weighted, *given)
        for name, value in zip(WEIGHTS, weights, strict=True):
            setattr(part, name, value)
        facts |= dict(zip(WEIGHTS, weights, strict=True))
        if "auto" in given:
            ratio = weights[0] * classes.weighted[0] / (weights[1] * classes.weighted[1])
            reporter.say(
                f"{counted}: desirable_weight {weights[0]:.4g} and undesirable_weight {weights[1]:.4g} balance them "
                f"({ratio:.2f} : 1)"
            )
        elif all(classes.weighted) and all(weights):
            _warn_of_unequal(classes, weights, counted, reporter)
    if not (classes.desirable and classes.undesirable):
        _warn_of_one_class(objective, classes, reporter)
    return facts


def _labels(record: Record) -> Iterator[float]:
    label = getattr(record, "label", None)
    label = record.fields.get("label") if label is None else label
    for each in label if isinstance(label, list | tuple) else () if label is None else (label,):
        yield float(each)


def _weighing(objective: Objective) -> list[Any]:
    """The objective and its parts that weigh the two classes."""
    return [part for part in objective.modules() if all(hasattr(part, name) for name in WEIGHTS)]


def _warn_of_unequal(classes: Classes, weights: tuple[float, float], counted: str, reporter: ProgressReporter) -> None:
    ratio = weights[0] * classes.weighted[0] / (weights[1] * classes.weighted[1])
    if LOWEST / UNEQUAL <= ratio <= HIGHEST * UNEQUAL:
        return
    rare = "desirable" if ratio < 1 else "undesirable"
    reporter.warn(
        f"{counted}: the classes weigh {ratio:.2g} : 1, and the paper of KTO recommends 1 to 1.33. "
        f"{rare}_weight=auto balances them."
    )


def _warn_of_one_class(objective: Objective, classes: Classes, reporter: ProgressReporter) -> None:
    if classes.desirable:
        reporter.warn(
            f"All {classes.desirable:,} training responses are desirable, so {objective.id} only makes them likelier, "
            "as imitation does; nothing tells good from bad. Check which column is the label, or train with nll."
        )
    else:
        reporter.warn(
            f"All {classes.undesirable:,} training responses are undesirable, so {objective.id} only makes them less "
            "likely, and nothing says what to answer instead. Check which column is the label; d2o is made for such "
            "data."
        )
