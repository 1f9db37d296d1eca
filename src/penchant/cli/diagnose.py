"""``penchant diagnose``: what data reward, and how training changes the responses of each pair."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.measuring.diagnosed_run import DiagnosedRun, diagnosed_run
from penchant.cli.measuring.explanation import explain, write_findings
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
from penchant.targets import claim_files
from penchant.terminal import make_console
from penchant.writing import write_json

if TYPE_CHECKING:
    from penchant.diagnostics.findings import Findings, Plan

__all__ = ["diagnose"]

_AGREEMENT = "Share of annotators who prefer the chosen response, for records without the field probability."

_Run = Annotated[str | None, typer.Argument(metavar="[RUN]", help="Run folder: names model, reference, data and beta.")]
_Embedder = Annotated[str, typer.Option(help="Of what the data reward: tf-idf-svd, tf-idf, or a folder.")]
_Entangled = Annotated[int, typer.Option(min=0, help="Number of pairs whose response gradients are compared.")]
_Sampled = Annotated[int, typer.Option(min=0, help="Number of prompts that the model answers, for its divergence.")]
_Form = Annotated[str, typer.Option(help="Form of the loss for gradient entanglement: sum, mean, dpop, nll.")]
_Unseen = Annotated[str | None, typer.Option(help="Feedback with responses that the model was not trained on.")]
_Explicit = Annotated[
    str | None, typer.Option(help="Reward model, or the run that trained it, to compare the implicit reward with.")
]
_Judges = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME,KEY=VALUE,...",
        help="Compare what the data reward with what this judge prefers in the same pairs.",
    ),
]
_Against = Annotated[list[str] | None, typer.Option(help="Compare what the data reward with these data.")]
_By = Annotated[str | None, typer.Option(metavar="FIELD", help="Compare what is rewarded by the values of this field.")]
_People = Annotated[
    str | None,
    typer.Option(metavar="FIELD", help="Who judged, by this field: how differently people weigh features."),
]
_Shifted = Annotated[list[str] | None, typer.Option(help="With --reward-model: comparisons from another distribution.")]


def diagnose(
    run: _Run = None,
    data: Annotated[str | None, typer.Option(help="File of comparisons, saved datasets folder, or hub id.")] = None,
    model: Annotated[str | None, typer.Option(help="Model folder or hub id; default: explain the data alone.")] = None,
    reference: Annotated[str | None, typer.Option(help="The model before training: folder or hub id.")] = None,
    embedder: _Embedder = "tf-idf-svd",
    beta: Annotated[float | None, typer.Option(help="The beta used in training; default: the run's, or 0.1.")] = None,
    gamma: Annotated[float, typer.Option(help="Target margin of Constrained PO, nats per token.")] = 0.05,
    agreement: Annotated[float | None, typer.Option(min=0, max=1, help=_AGREEMENT)] = None,
    entanglement: _Entangled = 0,
    tokens: Annotated[int, typer.Option(min=0, help="Number of pairs whose token gradients are compared; slow.")] = 0,
    form: _Form = "sum",
    coverage: _Sampled = 0,
    unseen: _Unseen = None,
    reward_model: _Explicit = None,
    shifted: _Shifted = None,
    judge: _Judges = None,
    against: _Against = None,
    by: _By = None,
    people: _People = None,
    map_: Renamed = None,
    split: Split = None,
    on_bad: BadRecords = "stop",
    chat_template: ChatTemplate = None,
    max_length: MaxLength = None,
    truncation: TruncationPolicy = "prompt_left",
    html: Annotated[Path | None, typer.Option("--html", help="Also write a page with pictures to this file.")] = None,
    json_out: JsonFile = None,
    overwrite: Overwrite = False,
    trust_remote_code: TrustRemoteCode = False,
    allow_outside: AllowOutside = False,
) -> None:
    """Diagnose a trained model on comparisons: ranking accuracy, likelihood displacement, gradient entanglement.

    Without a run or a model: what the data reward, by named properties and by features of their texts.
    """
    from penchant.diagnostics.findings import Plan
    from penchant.likelihood.inside.text_embeddings import check_embedder

    check_embedder(embedder)
    given = _taken(run, model) or DiagnosedRun("", None, None, None)
    mapping = {**({} if data else given.mapping), **(parse_mapping(map_) or {})}
    split = split or (None if data else given.split)
    data, reference, model = _complete(data or given.data, reference or given.start, model or given.model, run)
    inputs = [data, model, reference, unseen, reward_model, shifted, against, chat_template]
    claim_files({"--json": json_out, "--html": html}, overwrite=overwrite, inputs=inputs)
    reading: dict[str, Any] = {"split": split, "mapping": mapping or None, "on_bad": on_bad}
    if model is None or reference is None:
        return explain(data, embedder, json_out, html, judge or (), against or (), by, people, **reading)
    _refuse_agents(judge, against, by, people)
    plan = Plan(beta if beta is not None else given.beta or 0.1, gamma, agreement, entanglement, tokens, form, coverage)
    further: dict[str, Any] = {"unseen": unseen, "reward_model": reward_model, "shifted": shifted or ()}
    rendering = {"chat_template": chat_template, "max_length": max_length, "truncation": truncation}
    found = _measured(model, data, reference, plan, reading=reading, **further, **rendering, **given.rendering)
    _print(found)
    if html is not None:
        page = write_findings(html, found, f"{model} against {reference}, on {data}", data, embedder, **reading)
        make_console().print(str(page), markup=False, highlight=False, soft_wrap=True)
    if json_out is not None:
        write_json(json_out, found.as_dict(), "The findings", fix="Choose another path for --json.")


def _refuse_agents(*named: Any) -> None:
    """Refuse what compares data where a model is diagnosed."""
    from penchant.errors import ConfigurationError

    if any(named):
        raise ConfigurationError(
            "--judge, --against, --by and --people compare what data reward, and a model is diagnosed.",
            fix="Give --data alone with them.",
        )


def _taken(run: str | None, model: str | None) -> DiagnosedRun | None:
    """What the run's folder says; None without a run."""
    from penchant.errors import ConfigurationError

    if run is None:
        return None
    if model is not None:
        raise ConfigurationError("A run and --model are given.", fix="Give one of them.")
    return diagnosed_run(run)


def _complete(
    data: str | None, reference: str | None, model: str | None, run: str | None
) -> tuple[str, str | None, str | None]:
    """Data, reference and model, or an error that names what is missing."""
    from penchant.errors import ConfigurationError

    if data is None:
        found = "The run's recipe does not name one file of data." if run else "There is nothing to diagnose."
        raise ConfigurationError(found, where=run, fix="Give --data FILE, a file of comparisons.")
    if not model and reference is not None:
        raise ConfigurationError("--reference is given without --model.", fix="Give --model, or neither.")
    if model and reference is None:
        found = "The run's recipe does not name its model." if run else "--model is given without --reference."
        raise ConfigurationError(found, where=run, fix="Give the model before training with --reference.")
    return data, reference, model or None


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
