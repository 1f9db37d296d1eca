"""Options that the commands of ``penchant lab`` share."""

from __future__ import annotations

from typing import Annotated

import typer

__all__ = ["Resume", "Seed", "WholeFolder"]

Seed = Annotated[int, typer.Option(min=0, help="Random seed.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue a run that was stopped.")]
WholeFolder = Annotated[bool, typer.Option("--overwrite", help="Replace the run in the folder.")]
