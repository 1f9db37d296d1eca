"""Command-line options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from penchant.model_files import remote_code

__all__ = [
    "AllowOutside",
    "AsChat",
    "BadRecords",
    "ChatTemplate",
    "DataFile",
    "EndToken",
    "HtmlFile",
    "HyperParameters",
    "JsonFile",
    "MaxLength",
    "Overwrite",
    "RecipeWords",
    "RecordKind",
    "Renamed",
    "Split",
    "TemplateArguments",
    "TrainOn",
    "TruncationPolicy",
    "TrustRemoteCode",
]


def _allow_code(context: typer.Context, allowed: bool) -> None:
    """Allow code from model repositories until the command ends."""
    if allowed:
        context.with_resource(remote_code())


def _allow_outside(context: typer.Context, allowed: bool) -> None:
    """Allow files outside of the data's folder until the command ends."""
    if allowed:
        from penchant.feedback.image_files import outside_files

        context.with_resource(outside_files())


DataFile = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="File (.jsonl, .json, .csv, also with .gz; .tsv, .ndjson, .parquet, .arrow), folder, pattern in quotes "
        "('data/*.jsonl'), or hub id.",
    ),
]
RecipeWords = Annotated[
    list[str] | None,
    typer.Argument(metavar="[RECIPE.yaml] [key=value ...]", help="Recipe, and recipe keys to override."),
]
HyperParameters = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Hyper-parameter of the objective.")
]
Renamed = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="FIELD=COLUMN",
        help="Read FIELD from this column (chosen=better), a path (prompt=input.messages), a template "
        "(prompt='{instruction}\\n\\n{input}'), or a constant (system='You are brief.').",
    ),
]
RecordKind = Annotated[
    str | None, typer.Option(help="Kind of feedback: comparison, judgement, ranking, ...; default: from the columns.")
]
Split = Annotated[str | None, typer.Option(help="Read only this split.")]
BadRecords = Annotated[str, typer.Option(help="On a bad record: stop, or skip it and count it.")]
ChatTemplate = Annotated[str | None, typer.Option(help="plain, chatml, or a Jinja file; default: the tokenizer's.")]
AsChat = Annotated[
    bool, typer.Option("--as-chat", help="Render text prompts as user turns, and responses as the assistant's.")
]
TemplateArguments = Annotated[
    list[str] | None,
    typer.Option(
        "--template-argument", metavar="NAME=VALUE", help="Variable of the chat template: enable_thinking=false."
    ),
]
TrainOn = Annotated[
    str, typer.Option(help="What a conversation teaches: its last answer, or every turn of the assistant.")
]
EndToken = Annotated[str | None, typer.Option(help="Token that ends a response; default: the tokenizer's.")]
MaxLength = Annotated[int | None, typer.Option(help="Maximum tokens of prompt and response together.")]
TruncationPolicy = Annotated[str, typer.Option(help="How to truncate: prompt_left, response_right, drop, error.")]
TrustRemoteCode = Annotated[
    bool,
    typer.Option(
        "--trust-remote-code",
        callback=_allow_code,
        expose_value=False,
        help="Allow models and tokenizers to run Python code from their own repository.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the output file if it exists.")]
AllowOutside = Annotated[
    bool,
    typer.Option(
        "--allow-outside",
        callback=_allow_outside,
        expose_value=False,
        help="Allow data to name images outside of their own folder.",
    ),
]
HtmlFile = Annotated[Path | None, typer.Option("--html", help="Also write a page with the table to this file.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Also write the figures to this JSON file.")]
