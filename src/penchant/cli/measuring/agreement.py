"""``penchant agreement``: how far the raters of a file agree."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from penchant.cli.options import JsonFile, Overwrite
from penchant.documents import yaml_document
from penchant.errors import ConfigurationError
from penchant.targets import claim_file
from penchant.terminal import make_console
from penchant.writing import write_json

__all__ = ["agreement"]


def agreement(
    ratings: Annotated[Path, typer.Argument(metavar="FILE", help="File of ratings: item, rater, value.")],
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
    from rich.table import Table

    from penchant.evaluation.agreement.measured import classes_found, measure_agreement, read_ratings
    from penchant.feedback.files import sound_rows

    labels = None if scale is None else yaml_document(scale, "--scale")
    if labels is not None and not isinstance(labels, list):
        raise ConfigurationError(f"The scale is {scale!r}.", where="--scale", fix="Write --scale [1,2,3,4,5].")
    read = read_ratings(sound_rows(ratings), source=str(ratings))
    found, notes = measure_agreement(read, level=level, weights=weights, scale=labels, rounds=rounds, seed=seed)
    if truth is not None:
        found |= classes_found(read, truth, rounds, seed)
    table = Table(title=f"{len(read)} items")
    for heading in ("figure", "value", "95 %"):
        table.add_column(heading, justify="left" if heading == "figure" else "right")
    for name, each in found.items():
        table.add_row(name, f"{each.value:.3f}", f"{each.low:.3f} to {each.high:.3f}" if each.low == each.low else "")
    console = make_console(highlight=False)
    console.print(table)
    for note in notes:
        console.print(note, markup=False)
    if json_out is not None:
        figures = {name: [each.value, each.low, each.high] for name, each in found.items()}
        write_json(json_out, {"figures": figures, "notes": notes}, "The agreement")
