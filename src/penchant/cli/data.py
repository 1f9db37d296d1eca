"""``penchant data``: check feedback before training, and show the tokens that a model sees."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.options import (
    AllowOutside,
    AsChat,
    BadRecords,
    ChatTemplate,
    DataFile,
    EndToken,
    MaxLength,
    Overwrite,
    RecordKind,
    Renamed,
    Split,
    TemplateArguments,
    TrainOn,
    TruncationPolicy,
    TrustRemoteCode,
)
from penchant.cli.words import parse_mapping
from penchant.targets import claim_file
from penchant.terminal import echo, make_console, shown
from penchant.writing import write_json

if TYPE_CHECKING:
    from rich.table import Table

    from penchant.checks.diagnosis import Diagnosis
    from penchant.feedback import Feedback
    from penchant.rendering import Renderer

__all__ = ["app"]

app = typer.Typer(
    rich_markup_mode=None,
    help="Check feedback, show its tokens as a model sees them, and build data.",
    no_args_is_help=True,
)

_STYLES = {"ok": "green", "note": "cyan", "warning": "yellow", "error": "bold red"}


@app.command()
def check(
    file: DataFile,
    model: Annotated[str | None, typer.Option(help="Model folder or hub id; its tokenizer counts tokens.")] = None,
    max_length: MaxLength = None,
    policy: TruncationPolicy = "prompt_left",
    split: Split = None,
    other: Annotated[str | None, typer.Option(help="File of another split, to find prompts that both contain.")] = None,
    map_: Renamed = None,
    kind: RecordKind = None,
    on_bad: BadRecords = "stop",
    chat_template: ChatTemplate = None,
    template_arguments: TemplateArguments = None,
    as_chat: AsChat = False,
    train_on: TrainOn = "last",
    end_token: EndToken = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="Also write the findings to this JSON file.")] = None,
    overwrite: Overwrite = False,
    trust_remote_code: TrustRemoteCode = False,
    allow_outside: AllowOutside = False,
) -> None:
    """Check feedback (the doctor): duplicates, contradictions, leaks, truncation, length bias, templates.

    Exit code 1 if a check finds an error.
    """
    from penchant.checks.doctor import examine
    from penchant.errors import ConfigurationError
    from penchant.likelihood.context import length_limit
    from penchant.rendering import Truncation

    if json_out is not None:
        inputs = [file, other, model, chat_template]
        claim_file(json_out, option="--json", overwrite=overwrite, inputs=inputs)
    if max_length is not None and model is None:
        raise ConfigurationError("--max-length counts tokens, which needs a tokenizer.", fix="Give --model.")
    truncation = Truncation(max_length, policy)  # type: ignore[arg-type]
    rendering = {"chat_template": chat_template, "end_token": end_token, "as_chat": as_chat}
    renderer = _renderer(model, template_arguments, rendering) if model else None
    mapping = parse_mapping(map_)
    feedback = _read(file, mapping, kind, split, on_bad, train_on)
    compared = _read(other, mapping, kind, None, on_bad, train_on) if other else None
    # As training has it: without a length, the model's own.
    limit = length_limit(str(model), None, renderer.tokenizer, max_length) if renderer else None
    diagnosis = examine(feedback, renderer, max_length=limit, policy=truncation.policy, other=compared, on_bad=on_bad)
    _print_diagnosis(feedback, diagnosis)
    if json_out is not None:
        write_json(json_out, diagnosis.as_dict(), "The findings", fix="Choose another path for --json.")
    if diagnosis.failed:
        raise typer.Exit(1)


@app.command()
def show(
    file: DataFile,
    model: Annotated[str, typer.Option(help="Model folder or hub id; its tokenizer splits the text.")],
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="Number of records to show.")] = 3,
    start: Annotated[int, typer.Option(min=1, help="First record to show, counted from 1.")] = 1,
    train_on: TrainOn = "last",
    as_chat: AsChat = False,
    template_arguments: TemplateArguments = None,
    max_length: MaxLength = None,
    policy: TruncationPolicy = "prompt_left",
    split: Split = None,
    map_: Renamed = None,
    kind: RecordKind = None,
    on_bad: BadRecords = "stop",
    chat_template: ChatTemplate = None,
    end_token: EndToken = None,
    ids: Annotated[bool, typer.Option("--ids", help="Print each token's id after it.")] = False,
    trust_remote_code: TrustRemoteCode = False,
    allow_outside: AllowOutside = False,
) -> None:
    """Show records as the model sees them: every token of prompt (P) and responses (R), special tokens in brackets."""
    from penchant.checks.unused import unused_columns
    from penchant.cli.tokens import TokenPrinter
    from penchant.rendering import Truncation

    truncation = Truncation(max_length, policy)  # type: ignore[arg-type]
    rendering = {"chat_template": chat_template, "end_token": end_token, "as_chat": as_chat}
    printer = TokenPrinter(_renderer(model, template_arguments, rendering), truncation, ids)
    feedback = _read(file, parse_mapping(map_), kind, split, on_bad, train_on)
    for found in unused_columns(feedback):
        echo(f"{found.verdict}: {found.name}: {found.value}. {found.detail}", err=True)
    printer.legend()
    for record in feedback[start - 1 : start - 1 + number]:
        printer.record(record)


def _renderer(model: str, arguments: list[str] | None, rendering: dict[str, Any]) -> Renderer:
    from penchant.cli.words import pairs
    from penchant.rendering import Renderer, load_tokenizer

    given = pairs(arguments or [], "--template-argument")
    return Renderer(load_tokenizer(model), template_arguments=given, **rendering)


def _read(
    file: str, mapping: dict[str, str], kind: str | None, split: str | None, on_bad: str, train_on: str
) -> Feedback:
    from penchant.feedback import read

    options: dict[str, Any] = {"on_bad": on_bad, "train_on": train_on, "ties": "keep"}
    return read(file, mapping=mapping, kind=kind, split=split, **options)


def _print_diagnosis(feedback: Feedback, diagnosis: Diagnosis) -> None:
    from collections import Counter

    from rich.table import Table
    from rich.text import Text

    console = make_console(highlight=False)
    table = Table(title=shown(f"Data check of {feedback.name}", in_one_line=True), title_justify="left")
    for column in ("", "check", "found", "what it means"):
        table.add_column(column, overflow="fold")
    for entry in diagnosis.checks:
        verdict = Text(entry.verdict, style=_STYLES[entry.verdict])
        table.add_row(verdict, *map(shown, (entry.name, entry.value, entry.detail)))
    console.print(table)
    if diagnosis.lengths:
        console.print(_lengths(diagnosis))
    counts = Counter(entry.verdict for entry in diagnosis.checks)
    totals = [f"{counts[name]} {name}{'' if counts[name] == 1 else 's'}" for name in ("error", "warning", "note")]
    console.print(Text(", ".join(totals) + "."))


def _lengths(diagnosis: Diagnosis) -> Table:
    from rich.table import Table

    table = Table(title=f"Lengths in {diagnosis.unit}", title_justify="left")
    table.add_column("part")
    for column in ("mean", "p50", "p95", "max"):
        table.add_column(column, justify="right")
    for part, figures in diagnosis.lengths.items():
        values = (f"{figures['mean']:.1f}", *(f"{figures[name]:,.0f}" for name in ("p50", "p95", "max")))
        table.add_row(part, *values)
    return table
