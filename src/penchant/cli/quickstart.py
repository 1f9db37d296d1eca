"""``penchant quickstart``: from nothing to an aligned model and its report, in two minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["quickstart"]


def quickstart(
    output: Annotated[Path, typer.Option("--output", "--out", "-o", help="Folder for the data and both runs.")] = Path(
        "runs/quickstart"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier quickstart there.")] = False,
) -> None:
    """Train a tiny language model of product reviews, align it with DPO, and show what changed. No network needed."""
    import time

    from rich.console import Console
    from transformers.utils import logging

    from penchant.lab.quickstart import STEPS, run_quickstart
    from penchant.lab.quickstart_table import show_outcome

    console, start = Console(), time.monotonic()

    def tell(line: str) -> None:
        numbered = f"[{STEPS.index(line) + 1}/{len(STEPS)}] {line}" if line in STEPS else line
        console.print(numbered, markup=False, highlight=False)

    logging.disable_progress_bar()  # the bars of loading and saving, which take no time here
    outcome = run_quickstart(output, seed=seed, overwrite=overwrite, progress=True, told=tell)
    show_outcome(outcome, console, seconds=time.monotonic() - start)
