"""`agreement_of`: how far the annotators of comparisons agree."""

from __future__ import annotations

from collections.abc import Sequence

from penchant.curation.people.majority import annotator_of, by_item
from penchant.errors import DataError
from penchant.evaluation.agreement.krippendorff import krippendorff_alpha
from penchant.feedback.records import Comparison

__all__ = ["agreement_of"]


def agreement_of(pairs: Sequence[Comparison], annotator: str = "annotator", grade: str | None = None) -> float:
    """Krippendorff's α of the annotators' labels; NaN where no pair of responses has two.

    Args:
        pairs: comparisons.
        annotator: field that names the annotator; the last label of a person for a pair counts.
        grade: field with a number above 0 that says how much better; then α is ordinal, else nominal.

    Raises:
        DataError: a grade is no number above 0.
    """
    units = []
    for item, own in by_item(pairs).items():
        labels = {annotator_of(pair, annotator): _label(pair, item, grade) for pair in own}
        units.append(list(labels.values()))
    if all(len(unit) < 2 for unit in units):
        return float("nan")
    return krippendorff_alpha(units, "nominal" if grade is None else "ordinal")


def _label(pair: Comparison, item: tuple[str, str, str], grade: str | None) -> float:
    """Above 0 where the first response of the item is preferred."""
    sign = 1.0 if repr(pair.chosen) == item[1] else -1.0
    if grade is None:
        return sign
    value = pair.fields.get(grade)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        raise DataError(
            f"The field {grade!r} is {value!r}, expected a number above 0.",
            where=str(pair.source),
            fix="Give how much better the chosen response is: 1 for slightly, 2 for much.",
        )
    return sign * float(value)
