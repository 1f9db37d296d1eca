"""``penchant lab``: experiments in small worlds with known ground truth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Optional

import typer

from penchant.terminal import echo, make_console

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Experiments in small worlds with known ground truth."
)

Output = Annotated[Path, typer.Option("--output", "--out", "-o", help="Folder for the data and the runs.")]
Seed = Annotated[int, typer.Option(min=0, help="Random seed.")]
Rounds = Annotated[
    Optional[int],  # noqa: UP045 - what typer reads in every version
    typer.Option(min=1, help="Rounds of sampling and training; default: the method's."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue a run that was stopped.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the runs in the folder.")]


@contextmanager
def _stoppable() -> Iterator[None]:
    """Ends the command with the message of a run that was interrupted."""
    from penchant.training.run import Interrupted

    try:
        yield
    except Interrupted as stopped:
        echo(f"penchant: {stopped}", err=True)
        raise typer.Exit(130) from None


@app.callback()
def lab() -> None:
    """Experiments in small worlds with known ground truth."""


@app.command()
def sums(
    method: Annotated[str, typer.Option(help="grpo, iterative-dpo, ppo, rloo, nft or another recipe.")] = "grpo",
    output: Output = Path("runs/sums"),
    seed: Seed = 0,
    rounds: Rounds = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
) -> None:
    """Improve a tiny, badly trained model of sums by online training on its own checked answers. No network needed."""
    from rich.table import Table

    from penchant.lab.worlds.sums import Plan, run_sums

    console = make_console()
    with _stoppable():
        found = run_sums(
            output,
            method=method,
            seed=seed,
            plan=Plan(rounds=rounds),
            resume=resume,
            overwrite=overwrite,
            progress=True,
            say=lambda line: console.print(line, markup=False, highlight=False),
        )
    table = Table("steps", "accuracy", "95 % interval", title=f"{method}: accuracy on held-out sums")
    for step, value, low, high in found.curve:
        table.add_row(str(step), f"{value:.3f}", f"{low:.3f} to {high:.3f}")
    console.print(table)
    console.print(f"Report: {found.result.report}", soft_wrap=True, highlight=False)


@app.command()
def shop(
    method: Annotated[str, typer.Option(help="rlhs, grpo, rloo or ppo.")] = "rlhs",
    feedback: Annotated[
        str,
        typer.Option(help="When users rate: foresight (at once), partial (after the purchase), full (all facts); all."),
    ] = "all",
    seed: Seed = 0,
    rounds: Rounds = None,
    output: Output = Path("runs/shop"),
    overwrite: Overwrite = False,
    resume: Resume = False,
) -> None:
    """Let a clerk learn from users' ratings: at once, or after they know what they bought. No network needed."""
    from rich.table import Table

    from penchant.lab.worlds.shop import FEEDBACK, Plan, run_shop

    console = make_console()
    table = Table(
        "feedback", "rating at once", "true utility", "false words", "rating − utility", title=f"{method}: shop"
    )
    for number, each in enumerate(FEEDBACK if feedback == "all" else [feedback]):
        with _stoppable():
            found = run_shop(
                output,
                method=method,
                feedback=each,
                plan=Plan(rounds=rounds),
                seed=seed,
                say=lambda line: console.print(line, markup=False, highlight=False),
                progress=True,
                resume=resume and (output / f"{method}-{each}").is_dir(),
                overwrite=overwrite,
            )
        if number == 0:
            table.add_row("(start)", *(f"{value:.2f}" for value in found.before.numbers))
        table.add_row(each, *(f"{value:.2f}" for value in found.after.numbers))
    console.print(table)
    console.print(f"Runs: {output}", soft_wrap=True, highlight=False)
