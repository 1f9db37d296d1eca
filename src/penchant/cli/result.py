"""The result of a run on the terminal: figures before and after, and output paths."""

from __future__ import annotations

from typing import Any

from penchant.terminal import make_console

__all__ = ["print_result"]


def print_result(result: Any, reporter: Any) -> None:
    """Print the figures before and after, and the output paths."""
    from rich.table import Table

    if reporter.quiet:
        return
    before, after = result.summary["before"], result.summary["after"]
    table = Table(title=f"Measured on {result.summary['measured_on']}")
    for heading in ("", "before", "after"):
        table.add_column(heading, justify="left" if not heading else "right")
    # The report has the metrics of lists by their length.
    for name in sorted(name for name in before.keys() & after.keys() if not name.startswith("lists/")):
        table.add_row(name, f"{before[name]:.4g}", f"{after[name]:.4g}")
    console = make_console()
    console.print(table)
    total, trained = result.summary.get("parameters"), result.summary.get("trained_parameters")
    if total and trained and trained < total:
        console.print(f"Trained: {trained:,} of {total:,} weights ({trained / total:.2%})", highlight=False)
    console.print(f"Model:  {result.folder / 'model'}", soft_wrap=True, highlight=False)
    console.print(f"Report: {result.report}", soft_wrap=True, highlight=False)
