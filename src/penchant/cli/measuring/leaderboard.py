"""``penchant leaderboard``: ratings of models from a file of votes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli.options import HtmlFile, JsonFile, Overwrite
from penchant.errors import ConfigurationError
from penchant.targets import claim_files
from penchant.terminal import counted, echo, make_console
from penchant.writing import write_json

if TYPE_CHECKING:
    from penchant.evaluation.leaderboards.leaderboard import Leaderboard

__all__ = ["leaderboard"]


def leaderboard(
    votes: Annotated[
        Path, typer.Argument(metavar="VOTES", help="File of votes: model_a, model_b, winner (model_a, model_b or tie).")
    ],
    method: Annotated[str, typer.Option(help="bradley-terry, or elo (depends on the order of votes).")] = (
        "bradley-terry"
    ),
    style: Annotated[
        list[str] | None,
        typer.Option(metavar="ELEMENT", help="Control for a difference of style: columns ELEMENT_a and ELEMENT_b."),
    ] = None,
    ties: Annotated[str, typer.Option(help="Ties count half a win, or are dropped: half, drop.")] = "half",
    anchor: Annotated[str | None, typer.Option(metavar="MODEL=RATING", help="Give a model a fixed rating.")] = None,
    rounds: Annotated[int, typer.Option(min=0, help="Bootstrap resamples of the intervals.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resampling.")] = 0,
    json_out: JsonFile = None,
    html: HtmlFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Rate models by votes between them, with 95 % intervals: Bradley-Terry or Elo, ties, control for style."""
    claim_files({"--json": json_out, "--html": html}, overwrite=overwrite, inputs=[votes])
    from penchant.evaluation.leaderboards.battles import read_battles
    from penchant.evaluation.leaderboards.leaderboard import make_leaderboard
    from penchant.feedback.files import sound_rows

    battles = read_battles(sound_rows(votes), style or (), source=str(votes))
    found = make_leaderboard(battles, method=method, rounds=rounds, seed=seed, anchor=_anchor(anchor), ties=ties)
    _show(found, len(battles.games.outcome))
    if json_out is not None:
        table = {"models": found.rows, "style": found.style, "notes": found.notes}
        write_json(json_out, table, "The leaderboard", fix="Choose another path for --json.")
    if html is not None:
        from penchant.evaluation.report.ratings_page import write_leaderboard

        echo(str(write_leaderboard(found, len(battles.games.outcome), html)))


def _anchor(given: str | None) -> tuple[str, float] | None:
    if given is None:
        return None
    name, _, rating = given.rpartition("=")
    try:
        return name, float(rating)
    except ValueError:
        raise ConfigurationError(
            f"{given!r} is not a model and its rating.", where="--anchor", fix="Write --anchor MODEL=1000."
        ) from None


def _show(found: Leaderboard, votes: int) -> None:
    from rich.table import Table

    from penchant.cli.narrow import print_fitted

    table = Table(title=f"{counted(len(found.rows), 'model')}, {counted(votes, 'vote')}")
    for heading in ("model", "rank", "rating", "95 %", "games", "wins, %"):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for row in found.rows:
        interval = f"{row['low']:.0f} to {row['high']:.0f}"
        table.add_row(
            row["model"],
            str(row["rank"]),
            f"{row['rating']:.0f}",
            interval,
            str(row["games"]),
            f"{100 * row['wins']:.1f}",
        )
    console = make_console(highlight=False)
    print_fitted(console, table)
    for name, value in found.style.items():
        console.print(f"style {name}: {value:+.3f} logits a standard deviation", markup=False)
    for note in found.notes:
        console.print(note, markup=False)
