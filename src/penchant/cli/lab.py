"""``penchant lab``: experiments in small worlds with known ground truth."""

from __future__ import annotations

import typer

from penchant.cli.studies.agents import agents
from penchant.cli.studies.bandit import bandit
from penchant.cli.studies.practices import derivations, sums, tools
from penchant.cli.studies.shop import shop
from penchant.cli.studies.unpacking import unpacking
from penchant.cli.studies.words import words

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


for command in (sums, derivations, agents, tools, shop, words, bandit, unpacking):
    app.command()(command)
