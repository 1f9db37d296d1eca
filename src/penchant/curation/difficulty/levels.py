"""The builder ``difficulty-levels``: demonstrations from easy to hard, with the level of each as its split."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Annotated

from annotated_types import Ge

from penchant.curation.builder import Builder
from penchant.curation.rows import Built, as_row
from penchant.errors import ConfigurationError, DataError
from penchant.feedback.collection import Feedback
from penchant.feedback.records import Demonstration, Record, as_text

__all__ = ["MEASURES", "DifficultyLevels", "mean_ranks"]

#: What can be counted in a record itself.
MEASURES: dict[str, Callable[[Demonstration], float]] = {
    "tools": lambda record: len(record.tools or ()),
    "calls": lambda record: as_text(record.completion).count("("),
    "arguments": lambda record: sum(as_text(record.completion).count(sign) for sign in ("=", '":')),
    "length": lambda record: len(as_text(record.completion)),
}
#: The names of three levels.
THREE = ("easy", "medium", "hard")


class DifficultyLevels(Builder):
    """Demonstrations from easy to hard, in levels of equal size: ``split`` is the level, ``difficulty`` the mean rank.

    For a warm-up that goes from easy to hard: one run for each level, each from the model of the one before
    (``split=easy``, then ``medium``, ``hard``). A record is as hard as the mean of its ranks by all measures: the
    number of candidate ``tools``, of ``calls`` (opening brackets of the response), of their ``arguments`` (signs
    ``=`` or ``":``), the ``length`` of the response in characters; or a numeric field of the record, such as a loss
    that was measured before. Equally hard records keep their order. A column ``split`` of the data is replaced.

    Example:
        >>> from penchant.feedback import read
        >>> calls = ["trip(start=Rome, end=Oslo)", "Hello.", "play(song=March)"]
        >>> rows = read([{"prompt": "p", "completion": each} for each in calls])
        >>> built = DifficultyLevels(by=["arguments"]).build(rows)
        >>> [(row["completion"], row["split"]) for row in built.rows]
        [('Hello.', 'easy'), ('play(song=March)', 'medium'), ('trip(start=Rome, end=Oslo)', 'hard')]

    Reference:
        Zeng et al. (2025), iTool: Reinforced Fine-Tuning with Dynamic Deficiency Calibration for Advanced Tool Use:
        supervised warm-up from easy to hard.
    """

    id = "difficulty-levels"
    reads = "demonstrations"
    writes = ("split", "difficulty")

    by: Annotated[
        list[str], "measure: tools, calls, arguments, length, or a numeric field; repeat for the mean of their ranks"
    ] = ["tools", "calls", "arguments"]  # noqa: RUF012
    levels: Annotated[int, Ge(2), "number of levels; three are called easy, medium, hard, others level-1 and so on"] = 3

    def build(self, records: Feedback) -> Built:
        """Order the records and name their levels.

        Raises:
            DataError: a record is no demonstration, or lacks the field of a measure; or there are fewer records than
                levels.
            ConfigurationError: there is no measure.
        """
        if not self.by:
            raise ConfigurationError("Nothing says what is hard.", where="by", fix="Give a measure, such as arguments.")
        shown = [_demonstration(each) for each in records]
        if len(shown) < self.levels:
            raise DataError(
                f"{len(shown)} records cannot be {self.levels} levels.", fix="Give more records, or fewer levels."
            )
        hardness = mean_ranks([[_measured(record, name) for record in shown] for name in self.by])
        order = sorted(range(len(shown)), key=lambda place: (hardness[place], place))
        names = THREE if self.levels == 3 else tuple(f"level-{number + 1}" for number in range(self.levels))
        built = Built([], {"records read": len(shown)})
        for position, place in enumerate(order):
            level = names[position * self.levels // len(shown)]
            built.rows.append({**as_row(shown[place]), "difficulty": round(hardness[place], 6), "split": level})
            built.count(level)
        return built


def mean_ranks(measures: Sequence[Sequence[float]]) -> list[float]:
    """For each record the mean of its ranks by several measures, each from 0 (easiest) to 1; equal values share a rank.

    Args:
        measures: M lists of N numbers.

    Returns:
        N numbers.

    Example:
        >>> mean_ranks([[1.0, 5.0, 3.0], [0.0, 0.0, 0.0]])
        [0.25, 0.75, 0.5]
    """
    size = len(measures[0])
    total = [0.0] * size
    for values in measures:
        below = {value: sum(other < value for other in values) for value in set(values)}
        equal = {value: sum(other == value for other in values) for value in below}
        for place, value in enumerate(values):
            total[place] += (below[value] + (equal[value] - 1) / 2) / max(1, size - 1)
    return [each / len(measures) for each in total]


def _demonstration(record: Record) -> Demonstration:
    if not isinstance(record, Demonstration):
        raise DataError(
            f"difficulty-levels needs demonstrations, but this is a record of kind {record.kind!r}.",
            where=str(record.source),
            fix="Give rows with prompt and completion.",
        )
    return record


def _measured(record: Demonstration, name: str) -> float:
    if name in MEASURES:
        return float(MEASURES[name](record))
    value = record.fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise DataError(
            f"The record's field {name!r} is {value!r}, and not a number that says how hard it is.",
            where=str(record.source),
            fix=f"Give a numeric field, or one of {', '.join(MEASURES)}.",
        )
    return float(value)
