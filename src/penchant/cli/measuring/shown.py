"""A table and a sentence of a comparison: on the terminal, as a page, and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.terminal import make_console

if TYPE_CHECKING:
    from rich.table import Table

    from penchant.evaluation.report.curves import Chart

__all__ = ["show_table"]


def show_table(
    table: Table,
    line: str,
    title: str,
    subject: str,
    html: Path | None,
    json_out: Path | None,
    figures: dict[str, Any],
    *,
    lead: str,
    charts: Callable[[], Sequence[Chart]] = tuple,
) -> None:
    """Print a table and what follows from it, and write both where files are named.

    Args:
        table: for the terminal and the page.
        line: a sentence below it.
        title: of the page.
        subject: what was compared, below the title.
        html: file of the page, or None.
        json_out: file of the figures, or None.
        figures: for JSON.
        lead: how the table is read, for the page.
        charts: draws the pictures of the page.

    Raises:
        OutputError: a file cannot be written.
    """
    from penchant.writing import write_json

    console = make_console(highlight=False)
    console.print(table)
    console.print(line)
    if html is not None:
        from penchant.cli.narrow import as_texts
        from penchant.evaluation.report.table_page import write_table

        write_table(html, title, subject, as_texts(table), [line], lead=lead, charts=charts())
    if json_out is not None:
        write_json(json_out, figures, "The accuracies", fix="Choose another path for --json.")
