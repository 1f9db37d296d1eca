"""``penchant report``: the HTML report of one run, or a comparison of several."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from penchant.terminal import make_console

__all__ = ["report"]


def report(
    runs: Annotated[list[Path], typer.Argument(help="Run folder; give several to compare them.", metavar="RUN...")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="HTML file to write; default: report.html in the run's folder, comparison.html beside it for several.",
        ),
    ] = None,
) -> None:
    """Write the HTML report of a run, or a comparison of several runs, and print the figures."""

    from penchant.cli.narrow import print_fitted
    from penchant.evaluation.report import before_after_table, compare_runs, comparison_table, write_report

    console = make_console()
    distinct = list({run.resolve(): run for run in runs}.values())
    if len(distinct) == 1:
        page = write_report(distinct[0], output)
        table = before_after_table(distinct[0])
    else:
        page = compare_runs(distinct, output or distinct[0].resolve().parent / "comparison.html")
        table = comparison_table(distinct)
    if table.row_count:
        print_fitted(console, table)
    # The path is alone on its line and not wrapped, so that it can be copied or parsed.
    console.print(str(page), markup=False, highlight=False, soft_wrap=True)
