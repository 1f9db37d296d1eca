"""``penchant win-rate``: win rates against a baseline, raw and length-controlled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.options import JsonFile, Overwrite
from penchant.targets import claim_file
from penchant.terminal import counted, make_console
from penchant.writing import write_json

if TYPE_CHECKING:
    from penchant.evaluation.wins.preferences import Rates

__all__ = ["win_rate"]


def win_rate(
    preferences: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="File of preferences: win (probability of a win), model, chars, baseline_chars, difficulty.",
        ),
    ],
    length_control: Annotated[
        bool, typer.Option(help="Fit the length-controlled rate where lengths are given.")
    ] = True,
    regularising: Annotated[
        Path | None,
        typer.Option(
            help="File of preferences of the baseline's own concise and verbose versions, which keep this rate near it."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    json_out: JsonFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Measure win rates against a baseline with bootstrap intervals, raw and length-controlled (AlpacaEval 2)."""
    if json_out is not None:
        claim_file(json_out, option="--json", overwrite=overwrite, inputs=[preferences, regularising])
    from penchant.evaluation.wins.preferences import measure_rates, read_preferences, read_regularising
    from penchant.feedback.files import sound_rows

    read = read_preferences(sound_rows(preferences), source=str(preferences))
    own = None if regularising is None else read_regularising(sound_rows(regularising), source=str(regularising))
    found = measure_rates(read, controlled=length_control, regularising=own, seed=seed)
    _show(found, length_control)
    if json_out is not None:
        write_json(json_out, {name: _plain(each) for name, each in found.items()}, "The win rates")


def _plain(rates: Rates) -> dict[str, Any]:
    raw, controlled = rates.raw, rates.controlled
    plain: dict[str, Any] = {
        "win_rate": raw.rate,
        "interval": [raw.interval.low, raw.interval.high],
        "standard_error": raw.standard_error,
        "discrete_win_rate": raw.discrete,
        "rows": raw.total,
        "unread": rates.unread,
    }
    if controlled is not None:
        plain |= {"length_controlled": controlled.rate, "length_coefficient": controlled.length}
        plain |= {"length_controlled_standard_error": controlled.standard_error, "strength": controlled.strength}
        plain |= {"difficulty_coefficient": controlled.difficulty, "penalty": controlled.penalty}
    return plain


def _show(found: dict[str, Rates], length_control: bool) -> None:
    from rich.table import Table

    from penchant.cli.narrow import print_fitted

    table = Table(title=f"{counted(len(found), 'model')} against the baseline")
    for heading in ("model", "win rate, %", "95 %", "length-controlled, %", "rows"):
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for name, each in found.items():
        raw, controlled = each.raw, each.controlled
        interval = f"{raw.interval.low:.1f} to {raw.interval.high:.1f}"
        lengths = "" if controlled is None else f"{controlled.rate:.1f}{' (!)' if controlled.extreme else ''}"
        table.add_row(name, f"{raw.rate:.1f}", interval, lengths, str(raw.total))
    console = make_console(highlight=False)
    print_fitted(console, table)
    if any(each.controlled is not None and each.controlled.extreme for each in found.values()):
        console.print("(!) far from the raw rate: the fit may have failed.", markup=False)
    if without := [name for name, each in found.items() if length_control and each.controlled is None]:
        needed = "it needs chars and baseline_chars in every row, and five rows"
        console.print(f"No length-controlled rate of {', '.join(without)}: {needed}.", markup=False)
    if unread := sum(each.unread for each in found.values()):
        console.print(f"{unread} comparisons without a preference are left out.", markup=False)
