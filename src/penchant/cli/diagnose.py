"""``penchant diagnose``: what training has done to the two sides of every pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.data import parse_mapping, write_json
from penchant.cli.options import (
    BadRecords,
    ChatTemplate,
    JsonFile,
    MaxLength,
    Renamed,
    Split,
    TruncationPolicy,
)

if TYPE_CHECKING:
    from penchant.diagnostics.findings import Findings, Plan

__all__ = ["diagnose"]


def diagnose(
    model: Annotated[str, typer.Option(help="Model folder or hub id.")],
    reference: Annotated[str, typer.Option(help="The model that training began with.")],
    data: Annotated[str, typer.Option(help="File of comparisons, saved datasets folder, or hub id.")],
    beta: Annotated[float, typer.Option(help="The beta of training.")] = 0.1,
    gamma: Annotated[float, typer.Option(help="Margin of the undesirable space, nats per token.")] = 0.05,
    agreement: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of annotators who agree, for records without probability.")
    ] = None,
    entanglement: Annotated[int, typer.Option(min=0, help="Of how many pairs gradients are taken.")] = 0,
    tokens: Annotated[int, typer.Option(min=0, help="Of how many pairs gradients of single tokens are taken.")] = 0,
    form: Annotated[str, typer.Option(help="Loss whose steps are analysed: sum, mean, dpop, nll.")] = "sum",
    unseen: Annotated[str | None, typer.Option(help="Feedback whose responses are unseen.")] = None,
    reward_model: Annotated[str | None, typer.Option(help="Explicit reward model to compare with.")] = None,
    shifted: Annotated[list[str] | None, typer.Option(help="With --reward-model: comparisons unlike the data.")] = None,
    map_: Renamed = None,
    split: Split = None,
    on_bad: BadRecords = "stop",
    chat_template: ChatTemplate = None,
    max_length: MaxLength = None,
    truncation: TruncationPolicy = "prompt_left",
    json_out: JsonFile = None,
) -> None:
    """Ranking accuracy, its ideal, the undesirable space, 3D properties and gradient entanglement of comparisons."""
    from penchant.diagnostics.findings import Plan

    plan = Plan(beta, gamma, agreement, entanglement, tokens, form)
    further: dict[str, Any] = {"unseen": unseen, "reward_model": reward_model, "shifted": shifted or ()}
    reading = {"split": split, "mapping": parse_mapping(map_), "on_bad": on_bad}
    rendering = {"chat_template": chat_template, "max_length": max_length, "truncation": truncation}
    found = _measured(model, data, reference, plan, reading=reading, **further, **rendering)
    _print(found)
    if json_out is not None:
        write_json(json_out, found.as_dict())


def _measured(model: str, data: str, reference: str, plan: Plan, **options: Any) -> Findings:
    """The findings, with a bar while they are made."""
    from penchant.diagnostics.measure import diagnose as measure
    from penchant.training.progress import ProgressReporter

    reporter = ProgressReporter()
    with reporter.bar("Diagnosing, %", 100):
        return measure(
            model,
            data,
            reference,
            plan,
            progress=lambda stage, done, total: reporter.advance(100 * done // total, 100, stage),
            **options,
        )


def _print(found: Findings) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{found.pairs} pairs", title_justify="left")
    table.add_column("figure", min_width=max(map(len, found.figures)))  # a name that is cut short names nothing
    table.add_column("value", justify="right")
    table.add_column("what it says")
    for name, value in found.figures.items():
        table.add_row(name, f"{value:.4g}", found.meaning(name))
    console = Console(highlight=False)
    console.print(table)
    for note in found.notes:
        console.print(note, markup=False)
