"""A page with one table, charts of it, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from penchant.evaluation.report.page import render, save

if TYPE_CHECKING:
    from penchant.evaluation.report.curves import Chart

__all__ = ["write_table"]


def write_table(
    path: Path,
    title: str,
    subtitle: str,
    table: tuple[Sequence[str], Sequence[Sequence[str]]],
    lines: Sequence[str] = (),
    *,
    lead: str = "",
    charts: Sequence[Chart] = (),
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

    Raises:
        OutputError: it cannot be written.
    """
    headings, rows = table
    values = {"title": title, "subtitle": subtitle, "lead": lead, "headings": headings, "rows": rows}
    return save(render("table_page.html", {**values, "charts": charts, "lines": lines}), path)
