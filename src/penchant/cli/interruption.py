"""What a command does when a run is stopped by the keyboard or a signal: one line, and exit code 130."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

__all__ = ["interruptible"]


@contextmanager
def interruptible() -> Iterator[None]:
    """Print how a stopped run continues, and exit with code 130."""
    from penchant.training.run import Interrupted

    try:
        yield
    except Interrupted as stopped:
        typer.echo(f"penchant: {stopped}", err=True)
        raise typer.Exit(130) from None
