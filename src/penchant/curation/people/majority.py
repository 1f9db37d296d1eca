"""The builder ``majority``: one comparison for each pair of responses, with the label of most annotators."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

from penchant.curation.agreed_pairs import flipped
from penchant.curation.builder import Builder
from penchant.curation.rows import Built, as_row, comparisons
from penchant.errors import DataError
from penchant.feedback.records import Comparison, Record

__all__ = ["Majority", "annotator_of", "by_item", "item_of"]


def item_of(pair: Comparison) -> tuple[str, str, str]:
    """What two comparisons of the same responses to the same prompt share, whichever is preferred.

    Example:
        >>> one, other = (Comparison(prompt="p", chosen=a, rejected=b) for a, b in ("xy", "yx"))
        >>> item_of(one) == item_of(other)
        True
    """
    first, second = sorted([repr(pair.chosen), repr(pair.rejected)])
    return repr(pair.prompt), first, second


def by_item(pairs: Sequence[Comparison]) -> dict[tuple[str, str, str], list[Comparison]]:
    """The comparisons of each pair of responses, in the order of the file."""
    found: dict[tuple[str, str, str], list[Comparison]] = {}
    for pair in pairs:
        found.setdefault(item_of(pair), []).append(pair)
    return found


def annotator_of(pair: Comparison, field: str) -> str:
    """The name of a record's annotator.

    Args:
        pair: the record.
        field: the field that names them.

    Raises:
        DataError: the record has none.
    """
    who = pair.fields.get(field)
    if who is None:
        raise DataError(
            f"The record has no field {field!r}.",
            where=str(pair.source),
            fix="Name the field of the annotator with --annotator, or map a column: --map annotator=COLUMN.",
        )
    return str(who)


class Majority(Builder):
    """One comparison for each pair of responses, preferred as most annotators prefer; ties are dropped.

    The field ``agreed`` is the share of the labels that agree with the majority, and ``labels`` their number. It is
    what a judge for all is trained on, beside judges of single people.

    Example:
        >>> from penchant.feedback import read
        >>> one = {"prompt": "Tea?", "chosen": "Yes.", "rejected": "No."}
        >>> rows = [one, one, {"prompt": "Tea?", "chosen": "No.", "rejected": "Yes."}]
        >>> [(row["chosen"], row["labels"]) for row in Majority().build(read(rows)).rows]
        [('Yes.', 3)]

    Reference:
        Peng, Bigham, Wu (2025), DesignPref: Capturing Personal Preferences in Visual Design Generation,
        arXiv:2511.20513.
    """

    id = "majority"
    reads = "comparisons of several annotators"
    writes = ("chosen", "rejected", "agreed", "labels")

    annotator: Annotated[str, "the field that names the annotator, which the rows do not keep"] = "annotator"

    def build(self, records: Iterable[Record]) -> Built:
        """The comparisons on which most annotators agree."""
        pairs = comparisons(records, self.id)
        built = Built([], {"records read": len(pairs)})
        for own in by_item(pairs).values():
            first = own[0]
            with_first = sum(repr(pair.chosen) == repr(first.chosen) for pair in own)
            if 2 * with_first == len(own):
                built.count("dropped: tied", 1)
                continue
            row = as_row(first) if 2 * with_first > len(own) else flipped(as_row(first))
            row.pop(self.annotator, None)
            most = max(with_first, len(own) - with_first)
            built.rows.append(row | {"agreed": most / len(own), "labels": len(own)})
            built.count("comparisons")
        return built
