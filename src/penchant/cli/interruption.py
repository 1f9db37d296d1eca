"""How commands handle an interrupted run: one line on the error stream, and exit code 130."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from penchant.terminal import echo

__all__ = ["interruptible"]


@contextmanager
def interruptible() -> Iterator[None]:
    """If the run is interrupted, print how to continue it and exit with code 130."""
    from penchant.training.run import Interrupted

    try:
        yield
    except Interrupted as stopped:
        echo(f"penchant: {stopped}", err=True)
        raise typer.Exit(130) from None
