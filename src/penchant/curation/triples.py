"""The builder ``triples``: gold, chosen and rejected response of each ranking, for triple preference optimization."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from penchant.curation.builder import Builder
from penchant.curation.rows import Built
from penchant.errors import DataError
from penchant.feedback.records import Ranking, Record
from penchant.feedback.tools import template_columns

__all__ = ["Triples"]


class Triples(Builder):
    """Comparisons with a gold response: of each ranking the best one is gold, the second chosen, the last rejected.

    For ``tpo-triple`` and its relatives (Saeidi et al., 2024). A ranking with fewer than three different responses, or
    whose best, second and last are not strictly apart, is dropped and counted.

    Example:
        >>> built = Triples().build([Ranking(prompt="Hi", completions=("No.", "Hello!", "Hm"), scores=(0.0, 2.0, 1.0))])
        >>> {name: built.rows[0][name] for name in ("gold", "chosen", "rejected")}
        {'gold': 'Hello!', 'chosen': 'Hm', 'rejected': 'No.'}

    Reference:
        Saeidi et al. (2024), Triple Preference Optimization, arXiv:2405.16681.
    """

    id = "triples"
    reads = "rankings"
    writes = ("gold",)

    def build(self, records: Iterable[Record]) -> Built:
        """Build the triples.

        Raises:
            DataError: a record is not a ranking with scores or ranks.
        """
        built = Built([])
        for record in records:
            built.count("rankings read")
            order = sorted(_ranked(record).items(), key=lambda each: -each[1])
            values = [value for _, value in order]
            if len(order) < 3 or not values[0] > values[1] > values[-1]:
                built.count("dropped: no three responses that are strictly apart")
                continue
            built.rows.append(_row(record, [record.responses[place] for place, _ in (order[0], order[1], order[-1])]))
        built.count("comparisons with a gold response", len(built.rows))
        return built


def _ranked(record: Record) -> dict[int, float]:
    """The value of each different response, higher is better, by its place."""
    values = None
    if isinstance(record, Ranking):
        values = record.scores if record.scores is not None else record.ranks and [-rank for rank in record.ranks]
    if not values:
        raise DataError(
            f"triples needs rankings with scores or ranks, but this is a {record.kind} without.",
            where=str(record.source),
            fix="Give prompt, completions, and scores or ranks.",
        )
    first = {str(response): place for place, response in reversed(list(enumerate(record.responses)))}
    return {place: values[place] for place in sorted(first.values())}


def _row(record: Record, triple: list[Any]) -> dict[str, Any]:
    extras = {name: value for name, value in record.fields.items() if name not in ("completion_fields", "steps")}
    named = dict(zip(("gold", "chosen", "rejected"), triple, strict=True))
    return {"prompt": record.prompt, **extras, **template_columns(record), **named}
