"""``penchant diagnose``: how training changes the chosen and the rejected response of each pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.measuring.explanation import explain
from penchant.cli.options import (
    AllowOutside,
    BadRecords,
    ChatTemplate,
    JsonFile,
    MaxLength,
    Overwrite,
    Renamed,
    Split,
    TruncationPolicy,
    TrustRemoteCode,
)
from penchant.cli.words import parse_mapping
from penchant.targets import claim_file
from penchant.terminal import make_console
from penchant.writing import write_json

if TYPE_CHECKING:
    from penchant.diagnostics.findings import Findings, Plan

__all__ = ["diagnose"]

_AGREEMENT = "Share of annotators who prefer the chosen response, for records without the field probability."


def diagnose(
    data: Annotated[str, typer.Option(help="File of comparisons, saved datasets folder, or hub id.")],
    model: Annotated[str | None, typer.Option(help="Model folder or hub id; default: explain the data alone.")] = None,
    reference: Annotated[str | None, typer.Option(help="The model before training: folder or hub id.")] = None,
    embedder: Annotated[str, typer.Option(help="Without --model: tf-idf-svd, tf-idf, or a folder.")] = "tf-idf-svd",
    beta: Annotated[float, typer.Option(help="The beta used in training.")] = 0.1,
    gamma: Annotated[float, typer.Option(help="Target margin of Constrained PO, nats per token.")] = 0.05,
    agreement: Annotated[float | None, typer.Option(min=0, max=1, help=_AGREEMENT)] = None,
    entanglement: Annotated[
        int, typer.Option(min=0, help="Number of pairs whose response gradients are compared.")
    ] = 0,
    tokens: Annotated[int, typer.Option(min=0, help="Number of pairs whose token gradients are compared; slow.")] = 0,
    form: Annotated[
        str, typer.Option(help="Form of the loss for gradient entanglement: sum, mean, dpop, nll.")
    ] = "sum",
    unseen: Annotated[
        str | None, typer.Option(help="Feedback with responses that the model was not trained on.")
    ] = None,
    reward_model: Annotated[str | None, typer.Option(help="Reward model to compare the implicit reward with.")] = None,
    shifted: Annotated[
        list[str] | None, typer.Option(help="With --reward-model: comparisons from another distribution.")
    ] = None,
    map_: Renamed = None,
    split: Split = None,
    on_bad: BadRecords = "stop",
    chat_template: ChatTemplate = None,
    max_length: MaxLength = None,
    truncation: TruncationPolicy = "prompt_left",
    json_out: JsonFile = None,
    overwrite: Overwrite = False,
    trust_remote_code: TrustRemoteCode = False,
    allow_outside: AllowOutside = False,
) -> None:
    """Diagnose a trained model on comparisons: ranking accuracy, likelihood displacement, gradient entanglement.

    Without --model: what the data reward, by named properties and by features of their texts.
    """
    from penchant.diagnostics.findings import Plan

    if json_out is not None:
        inputs = [data, model, reference, unseen, reward_model, shifted, chat_template]
        claim_file(json_out, option="--json", overwrite=overwrite, inputs=inputs)
    reading = {"split": split, "mapping": parse_mapping(map_), "on_bad": on_bad}
    if model is None or reference is None:
        _only_data(model, reference)
        return explain(data, embedder, json_out, **reading)
    plan = Plan(beta, gamma, agreement, entanglement, tokens, form)
    further: dict[str, Any] = {"unseen": unseen, "reward_model": reward_model, "shifted": shifted or ()}
    rendering = {"chat_template": chat_template, "max_length": max_length, "truncation": truncation}
    found = _measured(model, data, reference, plan, reading=reading, **further, **rendering)
    _print(found)
    if json_out is not None:
        write_json(json_out, found.as_dict(), "The findings", fix="Choose another path for --json.")


def _only_data(model: str | None, reference: str | None) -> None:
    """Refuse a model without its reference, and a reference alone."""
    from penchant.errors import ConfigurationError

    if reference is not None:
        raise ConfigurationError("--reference is given without --model.", fix="Give --model, or neither.")
    if model is not None:
        raise ConfigurationError("--model is given without --reference.", fix="Give the model before training.")


def _measured(model: str, data: str, reference: str, plan: Plan, **options: Any) -> Findings:
    """Compute the findings, with a progress bar."""
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
    from rich.table import Table

    table = Table(title=f"{found.pairs} pairs", title_justify="left")
    table.add_column("figure", min_width=max(map(len, found.figures)))  # names must not be truncated
    table.add_column("value", justify="right")
    table.add_column("meaning")
    for name, value in found.figures.items():
        table.add_row(name, f"{value:.4g}", found.meaning(name))
    console = make_console(highlight=False)
    console.print(table)
    for note in found.notes:
        console.print(note, markup=False)
