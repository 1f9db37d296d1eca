"""A page with one table, charts of it, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from penchant.evaluation.report.page import render, save

if TYPE_CHECKING:
    from penchant.evaluation.report.curves import Chart

__all__ = ["text_columns", "write_table"]

#: Characters of a cell from which on it is no number or interval.
_LONG = 28


def write_table(
    path: Path,
    title: str,
    subtitle: str,
    table: tuple[Sequence[str], Sequence[Sequence[str]]],
    lines: Sequence[str] = (),
    *,
    lead: str = "",
    charts: Sequence[Chart] = (),
    texts: Sequence[int] | None = None,
) -> Path:
    """Write the page: one file without links, everything in it escaped.

    Args:
        path: of the page.
        title: of the page.
        subtitle: what was measured, and on what.
        table: headings, and rows as text; the first cell of a row names it.
        lines: sentences that follow from the table.
        lead: how the table is read.
        charts: below the table.
        texts: places of the columns of text, as `text_columns` finds them if they are not given.

    Raises:
        OutputError: it cannot be written.
    """
    headings, rows = table
    values = {"title": title, "subtitle": subtitle, "lead": lead, "headings": headings, "rows": rows}
    more = {"charts": charts, "lines": lines, "texts": text_columns(rows) if texts is None else texts}
    return save(render("table_page.html", {**values, **more}), path)


def text_columns(rows: Sequence[Sequence[str]]) -> list[int]:
    """The places of the columns after the first that hold sentences, which stand on the left and may be wrapped.

    Example:
        >>> text_columns([("a", "1 to 2", "how often the longer of two responses wins")])
        [2]
    """
    width = max(map(len, rows), default=0)
    return [at for at in range(1, width) if any(len(row[at]) > _LONG for row in rows if len(row) > at)]
