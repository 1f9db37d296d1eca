"""``penchant lab shop``: a clerk who learns from users' ratings, at once or in hindsight."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from penchant.cli.interruption import interruptible
from penchant.cli.studies.options import Output, Resume, Rounds, Seed, WholeFolder
from penchant.terminal import make_console

__all__ = ["shop"]


def shop(
    method: Annotated[str, typer.Option(help="rlhs, grpo, rloo, ppo or on-policy-distillation.")] = "rlhs",
    feedback: Annotated[
        str,
        typer.Option(help="When users rate: foresight (at once), partial (after the purchase), full (all facts); all."),
    ] = "all",
    output: Output = Path("runs/shop"),
    seed: Seed = 0,
    rounds: Rounds = None,
    resume: Resume = False,
    overwrite: WholeFolder = False,
) -> None:
    """Let a clerk learn from users' ratings: at once, or after they know what they bought. No network needed."""
    from rich.table import Table

    from penchant.lab.worlds.shop import FEEDBACK, Plan, run_shop

    console = make_console()
    table = Table(
        "feedback", "rating at once", "true utility", "false words", "rating − utility", title=f"{method}: shop"
    )
    for number, each in enumerate(FEEDBACK if feedback == "all" else [feedback]):
        with interruptible():
            found = run_shop(
                output,
                method=method,
                feedback=each,
                seed=seed,
                plan=Plan(rounds=rounds),
                resume=resume and (output / f"{method}-{each}").is_dir(),
                overwrite=overwrite,
                progress=True,
                say=lambda line: console.print(line, markup=False, highlight=False),
            )
        if number == 0:
            table.add_row("(start)", *(f"{value:.2f}" for value in found.before.numbers))
        table.add_row(each, *(f"{value:.2f}" for value in found.after.numbers))
    console.print(table)
    console.print(f"Runs: {output}", soft_wrap=True, highlight=False)
