"""Numbers of people and classes of which the training data say nothing, or hardly anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from penchant.feedback.records import Record
from penchant.training.progress import ProgressReporter

__all__ = ["warn_of_unmet_numbers"]

#: Numbers that a message names.
_NAMED = 8


def warn_of_unmet_numbers(numbered: Mapping[str, int], records: Iterable[Record], reporter: ProgressReporter) -> None:
    """Warn of annotators and classes that no record has, and of annotators with a single one.

    Args:
        numbered: fields that count from 0, and how many numbers there are, as of `Requirements`.
        records: the training records that are used.
        reporter: gets the warnings.
    """
    if not numbered:
        return
    met: dict[str, Counter[int]] = {name: Counter() for name in numbered}
    for record in records:
        for name in numbered:
            value = record.fields.get(name)
            if isinstance(value, int | float | str):  # encoding has checked that it is one of the numbers
                met[name][int(float(value))] += 1
    for name, count in numbered.items():
        if unmet := [each for each in range(count) if not met[name][each]]:
            reporter.warn(
                f"No training record has {name} {_listed(unmet)}, of {count} that the objective knows: what the model "
                "says of them is not learned. Check the numbers (they start from 0), or set how many there are."
            )
        single = [each for each in range(count) if met[name][each] == 1]
        if single and name == "annotator":
            reporter.warn(
                f"A single training record has {name} {_listed(single)}: what the model says of them depends mostly on "
                "its random start. Read accuracies by annotator beside their numbers of records."
            )


def _listed(numbers: list[int]) -> str:
    more = f" and {len(numbers) - _NAMED} more" if len(numbers) > _NAMED else ""
    return ", ".join(map(str, numbers[:_NAMED])) + more
