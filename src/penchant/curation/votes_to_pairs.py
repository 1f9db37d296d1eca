"""The builder ``votes``: comparisons from the answers of a forum and their votes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import combinations
from typing import Annotated, Any

from annotated_types import Ge, Gt

from penchant.curation.builder import Builder
from penchant.curation.rows import Built
from penchant.errors import DataError
from penchant.feedback.records import Ranking, Record
from penchant.feedback.tools import template_columns

__all__ = ["VotesToPairs"]


class VotesToPairs(Builder):
    """Comparisons of two answers to one post, of which one has more votes.

    Each record is a post with its answers (``completions``) and their net votes (``scores``). A pair of answers is kept
    if its votes differ by at least ``gap``. With ``within_days``, a list ``created`` in the record holds when each
    answer was written (ISO 8601), and both answers of a pair are of one period: an older answer has had more time to
    be voted for. ``most`` bounds the pairs of a post, those with the largest gap first.

    Example:
        >>> from penchant.feedback import read
        >>> post = {"prompt": "Why?", "completions": ["So.", "Hm.", "Because."], "scores": [3, 2, 40]}
        >>> built = VotesToPairs(gap=10).build(read([post]))
        >>> [(row["chosen"], row["rejected"], row["chosen_score"]) for row in built.rows]
        [('Because.', 'Hm.', 40.0), ('Because.', 'So.', 40.0)]

    Reference:
        Wang et al. (2025), WorldPM: Scaling Human Preference Modeling, arXiv:2505.10527.
    """

    id = "votes"
    reads = "rankings with net votes as scores"
    writes = ("chosen", "rejected", "chosen_score", "rejected_score")

    gap: Annotated[float, Gt(0), "least difference of the votes"] = 1.0
    within_days: Annotated[float | None, Gt(0), "most days between both answers; needs the field created"] = None
    most: Annotated[int | None, Ge(1), "most pairs of a post, the clearest first; all if absent"] = None

    def build(self, records: Iterable[Record]) -> Built:
        """The comparisons of each post."""
        built = Built([])
        for record in records:
            built.count("records read")
            if not isinstance(record, Ranking) or record.scores is None:
                raise DataError(
                    f"votes needs rankings with scores, but this is a record of kind {record.kind!r}.",
                    where=str(record.source),
                    fix="Give prompt, completions and scores, the net votes of each.",
                )
            for high, low in self._pairs(record, built)[: self.most]:
                built.rows.append(_row(record, high, low))
                built.count("comparisons")
        return built

    def _pairs(self, record: Ranking, built: Built) -> list[tuple[int, int]]:
        """Places of both answers, the one with more votes first; the pair with the largest gap first."""
        votes = record.scores or ()
        when = self._created(record)
        found = []
        for one, two in combinations(range(len(votes)), 2):
            high, low = (one, two) if votes[one] >= votes[two] else (two, one)
            if votes[high] - votes[low] < self.gap:
                built.count("dropped: the votes are too close")
            elif when and self.within_days and abs((when[one] - when[two]).total_seconds()) > 86400 * self.within_days:
                built.count("dropped: written in different periods")
            else:
                found.append((high, low))
        return sorted(found, key=lambda pair: votes[pair[1]] - votes[pair[0]])

    def _created(self, record: Ranking) -> list[datetime]:
        if self.within_days is None:
            return []
        given = record.fields.get("created")
        try:
            if not isinstance(given, list) or len(given) != len(record.completions):
                raise ValueError
            found = [datetime.fromisoformat(each) for each in given]
            if len({each.tzinfo is None for each in found}) > 1:
                raise ValueError
        except (TypeError, ValueError):
            raise DataError(
                f"The field created is {given!r}, expected {len(record.completions)} dates in the form of ISO 8601, "
                "all with a time zone or all without.",
                where=str(record.source),
                fix="Give the date of each answer, or leave out --within-days.",
            ) from None
        return found


def _row(record: Ranking, high: int, low: int) -> dict[str, Any]:
    assert record.scores is not None
    more = {name: value for name, value in record.fields.items() if name != "created"}
    return {
        "prompt": record.prompt,
        "chosen": record.completions[high],
        "rejected": record.completions[low],
        "chosen_score": record.scores[high],
        "rejected_score": record.scores[low],
        **more,
        **template_columns(record),
    }
