"""``penchant lab agents``: two agents with half of the numbers each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from penchant.cli.interruption import interruptible
from penchant.cli.studies.options import Output, Resume, Rounds, Seed, WholeFolder
from penchant.terminal import make_console

__all__ = ["agents"]


def agents(
    method: Annotated[str, typer.Option(help="optima, optima-isft, optima-idpo or oprl.")] = "optima",
    output: Output = Path("runs/agents"),
    seed: Seed = 0,
    rounds: Rounds = None,
    resume: Resume = False,
    overwrite: WholeFolder = False,
) -> None:
    """Let two agents with half of the numbers each learn to exchange them in few words. No network needed."""
    from rich.table import Table

    from penchant.lab.worlds.agents import Plan, run_agents

    console = make_console()
    with interruptible():
        found = run_agents(
            output,
            method=method,
            seed=seed,
            plan=Plan(rounds=rounds),
            resume=resume,
            overwrite=overwrite,
            progress=True,
            say=lambda line: console.print(line, markup=False, highlight=False),
        )
    table = Table("steps", "accuracy", "95 % interval", "tokens a conversation", title=f"{method}: held-out tasks")
    for step, value, low, high, tokens in found.curve:
        table.add_row(str(step), f"{value:.3f}", f"{low:.3f} to {high:.3f}", f"{tokens:.1f}")
    console.print(table)
    console.print(f"Report: {found.result.report}", soft_wrap=True, highlight=False)
