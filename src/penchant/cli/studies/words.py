"""``penchant lab words``: rock, paper, scissors, Spock and lizard in words, by latent games."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from penchant.cli.interruption import interruptible
from penchant.cli.studies.options import Resume, Seed, WholeFolder
from penchant.terminal import make_console

__all__ = ["words"]


def words(
    method: Annotated[str, typer.Option(help="lspo or on-policy-distillation.")] = "lspo",
    output: Annotated[Path, typer.Option("--output", "--out", "-o", help="Folder for the game and the run.")] = Path(
        "runs/words"
    ),
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; of lspo all but the first widen the latent space.")] = 4,
    clusters: Annotated[int, typer.Option(min=2, help="Latent actions of the first round.")] = 3,
    widening: Annotated[int, typer.Option(min=0, help="Further latent actions of each later round.")] = 1,
    seed: Seed = 0,
    resume: Resume = False,
    overwrite: WholeFolder = False,
) -> None:
    """Play rock, paper, scissors, Spock, lizard in words: solve the game of what is said (LSPO), or be taught."""
    from rich.table import Table

    from penchant.lab.worlds.words_game.experiment import play
    from penchant.lab.worlds.words_game.world import ACTIONS

    with interruptible():
        found = play(
            output,
            method=method,
            rounds=rounds,
            clusters=clusters,
            widening=widening,
            seed=seed,
            resume=resume,
            overwrite=overwrite,
            progress=True,
        )
    table = Table("round", "latent actions", *ACTIONS, "exploitability", "own words")
    for number, each in enumerate(found.throws, 1):
        solved = (f"{share:.3f}" for share in each.solved)
        table.add_row(str(number), str(each.latent or "none"), *solved, f"{each.exploitability:.4f}", f"{each.own:.4f}")
    console = make_console()
    console.print(table)
    console.print(f"Report: {found.result.report}", soft_wrap=True, highlight=False)
