"""Options that several commands have in common, in the same words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "BadRecords",
    "ChatTemplate",
    "DataFile",
    "EndToken",
    "HyperParameters",
    "JsonFile",
    "MaxLength",
    "RecipeWords",
    "RecordKind",
    "Renamed",
    "Split",
    "TruncationPolicy",
]

DataFile = Annotated[
    str,
    typer.Argument(metavar="FILE", help="A file (.jsonl, .jsonl.gz, .json, .csv, .parquet), a saved folder, a hub id."),
]
RecipeWords = Annotated[
    list[str] | None, typer.Argument(metavar="[RECIPE.yaml] [key=value ...]", help="Recipe, and keys to change.")
]
HyperParameters = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Hyper-parameter of the objective.")
]
Renamed = Annotated[
    list[str] | None, typer.Option("--map", metavar="OURS=THEIRS", help="Our field, and the column that holds it.")
]
RecordKind = Annotated[str | None, typer.Option(help="Read as this kind: comparison, judgement, ranking, ...")]
Split = Annotated[str | None, typer.Option(help="Only this split.")]
BadRecords = Annotated[str, typer.Option(help="At a bad record: stop, or skip it and count.")]
ChatTemplate = Annotated[str | None, typer.Option(help="plain, chatml, or a jinja file; default: the tokenizer's.")]
EndToken = Annotated[str | None, typer.Option(help="The token that ends a response; default: found.")]
MaxLength = Annotated[int | None, typer.Option(help="The most tokens of prompt and response together.")]
TruncationPolicy = Annotated[str, typer.Option(help="How to truncate: prompt_left, response_right, drop, error.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the figures to this file, too.")]
