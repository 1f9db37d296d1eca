"""``penchant lab``: experiments in small worlds with known ground truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Optional

import typer

from penchant.terminal import echo, make_console

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Experiments in small worlds with known ground truth."
)

_OUTPUT = typer.Option("--output", "--out", "-o", help="Folder for the data and the runs.")
_SEED = typer.Option(min=0, help="Random seed.")
_RESUME = typer.Option("--resume", help="Continue a run that was stopped.")
_OVERWRITE = typer.Option("--overwrite", help="Replace the run in the folder.")
Rounds = Annotated[
    Optional[int],  # noqa: UP045 - what typer reads in every version
    typer.Option(min=1, help="Rounds of sampling and training; default: the method's."),
]


@app.callback()
def lab() -> None:
    """Experiments in small worlds with known ground truth."""


@app.command()
def sums(
    method: Annotated[str, typer.Option(help="grpo, iterative-dpo, ppo, rloo, nft or another recipe.")] = "grpo",
    output: Annotated[Path, _OUTPUT] = Path("runs/sums"),
    seed: Annotated[int, _SEED] = 0,
    rounds: Rounds = None,
    resume: Annotated[bool, _RESUME] = False,
    overwrite: Annotated[bool, _OVERWRITE] = False,
) -> None:
    """Improve a tiny, badly trained model of sums by online training on its own checked answers. No network needed."""
    from penchant.lab.worlds.sums import Plan, run_sums

    console = make_console()
    with _interruptible():
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
    _show(f"{method}: accuracy on held-out sums", found.curve, found.result.report)


@app.command()
def agents(
    method: Annotated[str, typer.Option(help="optima, optima-isft, optima-idpo or oprl.")] = "optima",
    output: Annotated[Path, _OUTPUT] = Path("runs/agents"),
    seed: Annotated[int, _SEED] = 0,
    rounds: Rounds = None,
    resume: Annotated[bool, _RESUME] = False,
    overwrite: Annotated[bool, _OVERWRITE] = False,
) -> None:
    """Let two agents with half of the numbers each learn to exchange them in few words. No network needed."""
    from penchant.lab.worlds.agents import Plan, run_agents
    from penchant.training.progress import ProgressReporter

    with _interruptible():
        shown = ProgressReporter()
        plan = Plan(rounds=rounds)
        found = run_agents(output, method, seed, plan, resume=resume, overwrite=overwrite, reporter=shown)
    _show(f"{method}: held-out tasks", found.curve, found.result.report, "tokens a conversation")


@contextmanager
def _interruptible() -> Iterator[None]:
    """Says how a run that was stopped goes on."""
    from penchant.training.run import Interrupted

    try:
        yield
    except Interrupted as stopped:
        echo(f"penchant: {stopped}", err=True)
        raise typer.Exit(130) from None


def _show(title: str, curve: Sequence[tuple[float, ...]], report: Path, *further: str) -> None:
    """The measurements of a run as a table: steps, accuracy with its interval, and further numbers."""
    from rich.table import Table

    console = make_console()
    table = Table("steps", "accuracy", "95 % interval", *further, title=title)
    for step, value, low, high, *more in curve:
        table.add_row(str(step), f"{value:.3f}", f"{low:.3f} to {high:.3f}", *(f"{each:.1f}" for each in more))
    console.print(table)
    console.print(f"Report: {report}", soft_wrap=True, highlight=False)
