"""``penchant agreement``: how far the raters of a file agree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli.options import JsonFile, Overwrite
from penchant.documents import yaml_document
from penchant.errors import ConfigurationError
from penchant.targets import claim_file
from penchant.terminal import make_console
from penchant.writing import write_json

if TYPE_CHECKING:
    from penchant.evaluation.agreement.columns import Columns
    from penchant.evaluation.agreement.measured import Ratings
    from penchant.evaluation.judges.biases import PositionBias
    from penchant.statistics import Interval

__all__ = ["agreement"]


def agreement(
    ratings: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="File of ratings: item, rater, value; or with --raters a row an item."),
    ],
    raters: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN,...",
            help="Columns of the raters, or a column that maps raters to their ratings; a list of two has the votes in "
            "both orders of a pair.",
        ),
    ] = None,
    level: Annotated[str, typer.Option(help="Level of the values: nominal, ordinal, interval, ratio.")] = "nominal",
    weights: Annotated[str | None, typer.Option(help="Weights of Cohen's kappa: linear or quadratic.")] = None,
    scale: Annotated[
        str | None,
        typer.Option(metavar="[LABEL,...]", help="All labels in their order, also unused ones, for these weights."),
    ] = None,
    truth: Annotated[
        str | None,
        typer.Option(metavar="RATER", help="Whose labels are right: adds accuracy and macro-F1 of the others."),
    ] = None,
    rounds: Annotated[int, typer.Option(min=0, help="Bootstrap resamples of the intervals.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resampling.")] = 0,
    json_out: JsonFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Measure agreement of raters: Krippendorff's alpha, raw agreement, Cohen's or Fleiss' kappa, macro-F1."""
    if json_out is not None:
        claim_file(json_out, option="--json", overwrite=overwrite, inputs=[ratings])
    from penchant.evaluation.agreement.columns import judges_of
    from penchant.evaluation.agreement.measured import classes_found, measure_agreement

    labels = None if scale is None else yaml_document(scale, "--scale")
    if labels is not None and not isinstance(labels, list):
        raise ConfigurationError(f"The scale is {scale!r}.", where="--scale", fix="Write --scale [1,2,3,4,5].")
    columns, own = _read(ratings, raters, truth)
    read = columns.ratings
    found, notes = measure_agreement(own, level=level, weights=weights, scale=labels, rounds=rounds, seed=seed)
    judges = judges_of(columns, truth) if level == "nominal" else {}
    if truth is not None:
        # What votes in both orders say of a judge stands in the second table.
        others = {item: {name: one[name] for name in one if name not in judges} for item, one in read.items()}
        if not judges or any(len(each) > 1 for each in others.values()):
            found |= classes_found(others, truth, rounds, seed)
    _show(found, notes, len(read), judges)
    if json_out is not None:
        figures = {name: [each.value, each.low, each.high] for name, each in found.items()}
        more = {"judges": {name: each.as_dict() for name, each in judges.items()}} if judges else {}
        write_json(json_out, {"figures": figures, "notes": notes, **more}, "The agreement")


def _read(file: Path, raters: str | None, truth: str | None) -> tuple[Columns, Ratings]:
    """The ratings of a file, and those whose agreement is asked for.

    The column of the true labels counts as a rater only if --raters names it, or if fewer than two others are left.
    """
    from penchant.evaluation.agreement.columns import Columns, read_columns
    from penchant.evaluation.agreement.measured import read_ratings
    from penchant.feedback.files import sound_rows

    rows, source = sound_rows(file), str(file)
    if raters is None:
        found = Columns(read_ratings(rows, source=source))
        return found, found.ratings
    named = [each.strip() for each in raters.split(",") if each.strip()]
    found = read_columns(rows, list(dict.fromkeys([*named, *([] if truth is None else [truth])])), source)
    without = {item: {name: own[name] for name in own if name != truth} for item, own in found.ratings.items()}
    apart = truth not in named and any(len(each) > 1 for each in without.values())
    return found, without if apart else found.ratings


def _show(found: dict[str, Interval], notes: list[str], items: int, judges: dict[str, PositionBias]) -> None:
    """Print the figures of all raters, and those of every judge that votes in both orders."""
    from rich.table import Table

    from penchant.cli.narrow import print_fitted

    console = make_console(highlight=False)
    table = Table(title=f"{items} items")
    for heading in ("figure", "value", "95 %"):
        table.add_column(heading, justify="left" if heading == "figure" else "right")
    for name, each in found.items():
        table.add_row(name, f"{each.value:.3f}", f"{each.low:.3f} to {each.high:.3f}" if each.low == each.low else "")
    console.print(table)
    if judges:
        both = Table(title="Votes in both orders of a pair")
        for heading in (
            "judge",
            "pairs",
            "accuracy",
            "consistent",
            "95 %",
            "right, where consistent",
            "first",
            "second",
        ):
            both.add_column(heading, justify="left" if heading == "judge" else "right")
        for name, own in judges.items():
            same = own.consistent
            shares = (own.accuracy, same.value, own.accuracy_where_consistent, own.first, own.second)
            accuracy, consistent, right, *places = ("" if each != each else f"{each:.3f}" for each in shares)
            interval = f"{same.low:.3f} to {same.high:.3f}"
            both.add_row(name, str(own.pairs), accuracy, consistent, interval, right, *places)
        print_fitted(console, both)
        console.print("Consistent: the same vote in both orders. Right, if so: accuracy of the consistent pairs.")
        console.print("First, second: share of pairs that the response shown first, or second, wins in both orders.")
        if unread := sum(own.unread for own in judges.values()):
            console.print(f"{unread:,} pairs of votes with one that could not be read are left out.")
    for note in notes:
        console.print(note, markup=False)
