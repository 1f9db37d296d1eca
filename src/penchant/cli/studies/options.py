"""What the commands of ``penchant lab`` share: options, and how an experiment is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from penchant.cli.interruption import interruptible
from penchant.terminal import make_console

if TYPE_CHECKING:
    from penchant.lab.worlds.sums import Outcome

__all__ = ["Output", "Resume", "Rounds", "Say", "Seed", "WholeFolder", "show_accuracy", "show_curve"]

Output = Annotated[Path, typer.Option("--output", "--out", "-o", help="Folder for the data and the runs.")]
Seed = Annotated[int, typer.Option(min=0, help="Random seed.")]
Rounds = Annotated[
    Optional[int],  # noqa: UP045 - what typer reads in every version
    typer.Option(min=1, help="Rounds of sampling and training; default: the method's."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue a run that was stopped.")]
WholeFolder = Annotated[bool, typer.Option("--overwrite", help="Replace the run in the folder.")]
#: Prints a line.
Say = Callable[[str], None]


def show_accuracy(run: Callable[[Say], Outcome], title: str) -> None:
    """Run an experiment and print its accuracy over the steps.

    Args:
        run: runs it, and calls its argument with a line at each step.
        title: of the table.
    """
    console = make_console()
    with interruptible():
        found = run(lambda line: console.print(line, markup=False, highlight=False))
    show_curve(found.curve, found.result.report, title)


def show_curve(curve: Sequence[tuple[float, ...]], report: Path | None, title: str, *further: str) -> None:
    """Print accuracy over the steps of a run, and where its report is.

    Args:
        curve: steps, accuracy, both ends of its interval, and further numbers.
        report: the page.
        title: of the table.
        further: what the further numbers are.
    """
    from rich.table import Table

    console = make_console()
    table = Table("steps", "accuracy", "95 % interval", *further, title=title)
    for step, value, low, high, *more in curve:
        table.add_row(str(step), f"{value:.3f}", f"{low:.3f} to {high:.3f}", *(f"{each:.1f}" for each in more))
    console.print(table)
    console.print(f"Report: {report}", soft_wrap=True, highlight=False)
