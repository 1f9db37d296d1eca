"""``penchant lab``: experiments in small worlds with known ground truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from penchant.cli.experiments.practice import add_practices, show_practice

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Experiments in small worlds with known ground truth."
)


add_practices(app)


@app.callback()
def lab() -> None:
    """Experiments in small worlds with known ground truth."""


@app.command()
def sums(
    method: Annotated[str, typer.Option(help="grpo, iterative-dpo, ppo, rloo, nft or another recipe.")] = "grpo",
    output: Annotated[Path, typer.Option("--output", "--out", "-o", help="Folder for the data and the runs.")] = Path(
        "runs/sums"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    rounds: Annotated[
        Optional[int],  # noqa: UP045 - what typer reads in every version
        typer.Option(min=1, help="Rounds of sampling and training; default: the method's."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a run that was stopped.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the run in the folder.")] = False,
) -> None:
    """Improve a tiny, badly trained model of sums by online training on its own checked answers. No network needed."""
    from penchant.lab.worlds.sums import Plan, run_sums

    show_practice(
        lambda say: run_sums(
            output,
            method=method,
            seed=seed,
            plan=Plan(rounds=rounds),
            resume=resume,
            overwrite=overwrite,
            progress=True,
            say=say,
        ),
        f"{method}: accuracy on held-out sums",
    )
