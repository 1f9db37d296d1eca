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


@app.callback()
def lab() -> None:
    """Experiments in small worlds with known ground truth."""


for command in (sums, derivations, agents, tools, shop, words, bandit, unpacking):
    app.command()(command)
