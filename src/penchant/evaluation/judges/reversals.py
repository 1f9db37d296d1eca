"""Reversals: the same two responses under two contexts, of which each prefers another one."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence

from penchant.feedback.records import Comparison, Record
from penchant.statistics import Interval, share_interval

__all__ = ["reversal_accuracy", "reversals"]


def reversals(records: Sequence[Record]) -> list[tuple[int, int]]:
    """The places of comparisons that name the same prompt and responses and prefer opposite ones.

    The prompt is ``original_prompt``, where contexts stand in front of it; records without this field and ties do not
    count. A comparison stands in one reversal at most.

    Args:
        records: as ``penchant data build contexts`` writes them.

    Example:
        >>> from penchant.feedback import read
        >>> row = {"prompt": "Be short. Tea?", "original_prompt": "Tea?", "chosen": "Yes.", "rejected": "Certainly."}
        >>> other = {**row, "prompt": "Be polite. Tea?", "chosen": "Certainly.", "rejected": "Yes."}
        >>> reversals(read([row, other, row]))
        [(0, 1)]
    """
    waiting: dict[Hashable, list[int]] = defaultdict(list)
    found = []
    for place, record in enumerate(records):
        if not isinstance(record, Comparison) or record.tie or record.fields.get("original_prompt") is None:
            continue
        question, sides = repr(record.fields["original_prompt"]), (repr(record.chosen), repr(record.rejected))
        opposite = waiting[(question, *sides[::-1])]
        if opposite:
            found.append((opposite.pop(0), place))
        else:
            waiting[(question, *sides)].append(place)
    return sorted(found)


def reversal_accuracy(records: Sequence[Record], margins: Sequence[float]) -> Interval | None:
    """The share of reversals of which a judge ranks both members right, with its 95 % interval.

    A judge that does not read the context ranks one member right and the other wrong, so it has 0; one that guesses
    has ¼. Higher is better.

    Args:
        records: comparisons.
        margins: of each, what the judge gives the chosen response above the other one; NaN where it cannot say.

    Returns:
        None where no reversal is judged.

    Example:
        >>> reversal_accuracy([], []) is None
        True
    """
    judged = [pair for pair in reversals(records) if not any(math.isnan(margins[place]) for place in pair)]
    if not judged:
        return None
    return share_interval(sum(all(margins[place] > 0 for place in pair) for pair in judged) / len(judged), len(judged))
