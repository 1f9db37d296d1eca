"""``penchant quickstart``: train, align and report on a tiny model in two minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from penchant.terminal import make_console

__all__ = ["quickstart"]


def quickstart(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "--out",
            "-o",
            help="Folder for the data and both runs; default: runs/quickstart, of digits runs/quickstart-digits.",
        ),
    ] = None,
    world: Annotated[str, typer.Option(help="reviews (a language model) or digits (a denoiser).")] = "reviews",
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier quickstart in the folder.")
    ] = False,
) -> None:
    """Train a tiny model of product reviews or digits, align it with DPO, and report the change. No network needed."""
    import time

    from transformers.utils import logging

    from penchant.errors import ConfigurationError, nearest
    from penchant.lab.worlds import digits
    from penchant.lab.worlds.digits.table import show_digits
    from penchant.lab.worlds.quickstart.table import show_outcome
    from penchant.lab.worlds.quickstart.world import STEPS, run_quickstart

    worlds: dict[str, tuple[Any, Any, Any]] = {
        "reviews": (STEPS, run_quickstart, show_outcome),
        "digits": (digits.STEPS, digits.run_digits, show_digits),
    }
    if world not in worlds:
        raise ConfigurationError(f"There is no world {world!r}.", where="--world", fix=nearest(world, worlds))
    output = output or Path("runs/quickstart" if world == "reviews" else f"runs/quickstart-{world}")
    steps, run, show = worlds[world]
    console, start = make_console(), time.monotonic()

    def say(line: str) -> None:
        numbered = f"[{steps.index(line) + 1}/{len(steps)}] {line}" if line in steps else line
        console.print(numbered, markup=False, highlight=False)

    logging.disable_progress_bar()  # hide the progress bars of loading and saving, which are instant here
    outcome = run(output, seed=seed, overwrite=overwrite, progress=True, say=say)
    show(outcome, console, seconds=time.monotonic() - start)
