"""``penchant score``: log-probabilities and implicit rewards of the responses in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.options import (
    AllowOutside,
    AsChat,
    BadRecords,
    ChatTemplate,
    MaxLength,
    Overwrite,
    Renamed,
    TemplateArguments,
    TrainOn,
    TruncationPolicy,
    TrustRemoteCode,
)
from penchant.terminal import echo, make_console

if TYPE_CHECKING:
    from penchant.evaluation.rows import ScoredRows

__all__ = ["score"]


def score(
    data: Annotated[str, typer.Option(help="File, saved datasets folder, or hub id.")],
    model: Annotated[str, typer.Option(help="Model folder or hub id.")],
    reference: Annotated[
        str | None, typer.Option(help="Reference model for implicit rewards: folder or hub id.")
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="Base model, for an adapter whose configuration names none that is found.")
    ] = None,
    beta: Annotated[float, typer.Option(help="Scale beta of the implicit reward.")] = 1.0,
    split: Annotated[str | None, typer.Option(help="Read only this split or these rows.")] = None,
    chat_template: ChatTemplate = None,
    template_arguments: TemplateArguments = None,
    as_chat: AsChat = False,
    train_on: TrainOn = "last",
    max_length: MaxLength = None,
    truncation: TruncationPolicy = "prompt_left",
    on_bad: BadRecords = "stop",
    map_: Renamed = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Also write the scores to this file, one JSON line per record.")
    ] = None,
    overwrite: Overwrite = False,
    trust_remote_code: TrustRemoteCode = False,
    allow_outside: AllowOutside = False,
) -> None:
    """Compute log-probabilities and implicit rewards of every response in a file."""
    from penchant.cli.words import pairs, parse_mapping
    from penchant.targets import claim_file

    if out is not None:  # before the libraries are loaded
        inputs = [data, model, reference, base, chat_template]
        claim_file(out, option="--out", overwrite=overwrite, inputs=inputs)
    from penchant.evaluation.scoring import score as score_file

    reading: dict[str, Any] = {
        "split": split,
        "on_bad": on_bad,
        "mapping": parse_mapping(map_),
        "train_on": train_on,
    }
    rendering: dict[str, Any] = {"chat_template": chat_template, "max_length": max_length, "truncation": truncation}
    rendering |= {"template_arguments": pairs(template_arguments or [], "--template-argument"), "as_chat": as_chat}
    result = score_file(model, data, reference=reference, base=base, beta=beta, **reading, **rendering)
    _show(result)
    if out is not None:
        result.write(out, overwrite=True)  # it was claimed above
        echo(f"Scores: {out}")


def _show(result: ScoredRows) -> None:
    """Print the means and how many records were truncated or dropped."""
    from rich.table import Table

    table = Table(title=f"{len(result)} records of kind {result.kind}")
    table.add_column("mean")
    table.add_column("value", justify="right")
    for name, value in result.summary().items():
        table.add_row(name, f"{value:.4f}")
    for name in ("prompt_cut", "response_cut", "dropped"):
        if result.cut[name]:
            table.add_row(f"records with {name}", str(result.cut[name]))
    make_console().print(table)
