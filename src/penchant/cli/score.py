"""``penchant score``: log-probabilities and implicit rewards of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["score"]


def score(
    data: Annotated[str, typer.Option(help="File, saved datasets folder, or hub id.")],
    model: Annotated[str, typer.Option(help="Model folder or hub id.")],
    reference: Annotated[str | None, typer.Option(help="Model that rewards are measured against.")] = None,
    beta: Annotated[float, typer.Option(help="Scale of the implicit reward.")] = 1.0,
    split: Annotated[str | None, typer.Option(help="Which rows or split.")] = None,
    chat_template: Annotated[str | None, typer.Option(help="plain, chatml, or a Jinja file.")] = None,
    max_length: Annotated[int | None, typer.Option(help="Most tokens of prompt and response.")] = None,
    truncation: Annotated[str, typer.Option(help="prompt_left, response_right, drop or error.")] = "prompt_left",
    on_bad: Annotated[str, typer.Option(help="What to do with a bad record: stop or skip.")] = "stop",
    map_: Annotated[
        list[str] | None, typer.Option("--map", metavar="OURS=THEIRS", help="Our field, the data's column.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write one JSON line a record here.")] = None,
) -> None:
    """Score every response of a file under a model."""
    from rich.console import Console
    from rich.table import Table

    from penchant.cli.words import pairs
    from penchant.evaluation.scoring import score as score_file

    result = score_file(
        model,
        data,
        reference=reference,
        beta=beta,
        split=split,
        chat_template=chat_template,
        max_length=max_length,
        truncation=truncation,
        on_bad=on_bad,
        mapping={key: str(value) for key, value in pairs(map_ or [], "--map").items()},
    )
    table = Table(title=f"{len(result)} records of kind {result.kind}")
    table.add_column("mean")
    table.add_column("value", justify="right")
    for name, value in result.summary().items():
        table.add_row(name, f"{value:.4f}")
    for name in ("prompt_cut", "response_cut", "dropped"):
        if result.cut[name]:
            table.add_row(f"records with {name}", str(result.cut[name]))
    Console().print(table)
    if out is not None:
        result.write(out)
        typer.echo(f"Scores: {out}")
