"""``penchant lab derivations`` and ``penchant lab tools``: worlds of steps and of calls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from penchant.terminal import echo, make_console

if TYPE_CHECKING:
    from penchant.lab.worlds.practice import Practice
    from penchant.lab.worlds.sums import Outcome

__all__ = ["add_practices", "show_practice"]

Output = Annotated[Path, typer.Option("--output", "--out", "-o", help="Folder for the data and the runs.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of prompts and draws.")]
Rounds = Annotated[
    Optional[int],  # noqa: UP045 - what typer reads in every version
    typer.Option(min=1, help="Rounds of sampling and training; default: the method's."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue a run that was stopped.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the run in the folder.")]


def add_practices(app: typer.Typer) -> None:
    """Add the commands.

    Args:
        app: of ``penchant lab``.
    """

    @app.command()
    def derivations(
        method: Annotated[str, typer.Option(help="mcts-dpo or iterative-dpo.")] = "mcts-dpo",
        output: Output = Path("runs/derivations"),
        seed: Seed = 0,
        rounds: Rounds = None,
        resume: Resume = False,
        overwrite: Overwrite = False,
    ) -> None:
        """Improve a tiny model of sums with written steps, by a tree search or whole solutions. No network needed."""
        _improve(_derivations, method, output, seed, rounds, resume, overwrite)

    @app.command()
    def tools(
        method: Annotated[str, typer.Option(help="itool, rejection-sampling or grpo.")] = "itool",
        output: Output = Path("runs/tools"),
        seed: Seed = 0,
        rounds: Rounds = None,
        resume: Resume = False,
        overwrite: Overwrite = False,
    ) -> None:
        """Improve a tiny model that calls tools and was trained on careless calls. No network needed."""
        _improve(_tools, method, output, seed, rounds, resume, overwrite)


def _derivations() -> Practice:
    from penchant.lab.worlds.derivations import DERIVATIONS

    return DERIVATIONS


def _tools() -> Practice:
    from penchant.lab.worlds.tools import TOOLS

    return TOOLS


def _improve(
    world: Callable[[], Practice],
    method: str,
    output: Path,
    seed: int,
    rounds: int | None,
    resume: bool,
    overwrite: bool,
) -> None:
    changed = {} if rounds is None else {"iterations": rounds, "eval_every": rounds}
    show_practice(
        lambda say: world().run(
            output, method, seed=seed, resume=resume, overwrite=overwrite, progress=True, say=say, **changed
        ),
        f"{method}: accuracy on held-out prompts",
    )


def show_practice(run: Callable[[Callable[[str], None]], Outcome], title: str) -> None:
    """Run an experiment and print its accuracy over the steps.

    Args:
        run: runs it, and calls its argument with a line at each step.
        title: of the table.
    """
    from rich.table import Table

    from penchant.training.run import Interrupted

    console = make_console()
    try:
        found = run(lambda line: console.print(line, markup=False, highlight=False))
    except Interrupted as stopped:
        echo(f"penchant: {stopped}", err=True)
        raise typer.Exit(130) from None
    table = Table("steps", "accuracy", "95 % interval", title=title)
    for step, value, low, high in found.curve:
        table.add_row(str(step), f"{value:.3f}", f"{low:.3f} to {high:.3f}")
    console.print(table)
    console.print(f"Report: {found.result.report}", soft_wrap=True, highlight=False)
