"""The report's table of metrics of lists by the number of their responses."""

from __future__ import annotations

from typing import NamedTuple

from penchant.evaluation.report.quantities import fixed, quantity
from penchant.evaluation.report.run_folder import RunFolder, numbers_of

__all__ = ["PREFIX", "ListRow", "list_rows"]

#: What the keys of these metrics begin with.
PREFIX = "lists/"
_METRICS = ("ndcg", "kendall", "top1")


class ListRow(NamedTuple):
    """Lists of one length: before and after for nDCG, Kendall's τ and top 1."""

    length: str
    share: str
    values: list[tuple[str, str]]


def list_rows(run: RunFolder) -> list[ListRow]:
    """One row for each number of responses that held-out lists have, shortest first; empty without lists.

    Example:
        >>> from pathlib import Path
        >>> after = {"lists/share/3": 1.0, "lists/ndcg/3": 0.91, "lists/kendall/3": 0.5, "lists/top1/3": 0.75}
        >>> list_rows(RunFolder(Path("x"), summary={"after": after}))
        [ListRow(length='3', share='100 %', values=[('–', '0.910'), ('–', '0.500'), ('–', '75.0 %')])]
    """
    before, after = numbers_of(run.summary.get("before")), numbers_of(run.summary.get("after"))
    lengths = [key.rpartition("/")[2] for key in after if key.startswith(f"{PREFIX}ndcg/")]
    lengths.sort(key=lambda length: int(length.rstrip("+")))
    return [
        ListRow(
            length,
            f"{fixed(100 * after.get(f'{PREFIX}share/{length}', 0.0), 0)} %",
            [_shown(metric, length, before, after) for metric in _METRICS],
        )
        for length in lengths
    ]


def _shown(metric: str, length: str, before: dict[str, float], after: dict[str, float]) -> tuple[str, str]:
    known = quantity(f"rewards/{metric}")
    key = f"{PREFIX}{metric}/{length}"
    first, last = known.show(before.get(key), after.get(key))
    return first, last
