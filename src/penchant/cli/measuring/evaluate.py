"""``penchant evaluate``: what a judge says of checkpoints, against their reference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.judge_words import JUDGE, parse_judge
from penchant.cli.options import BadRecords, ChatTemplate, JsonFile, Overwrite, Renamed, Split, TrustRemoteCode
from penchant.cli.words import pairs, parse_mapping
from penchant.errors import ConfigurationError
from penchant.known_settings import check_part_keys
from penchant.targets import claim_file
from penchant.terminal import counted, echo, make_console
from penchant.writing import write_json

if TYPE_CHECKING:
    from penchant.evaluation.policies.checkpoints import Checkpoint
    from penchant.evaluation.policies.judging import Judged
    from penchant.feedback.records import Record
    from penchant.generation.responses import Sampling
    from penchant.rewards.judge import Judge

__all__ = ["evaluate"]


JudgeWords = Annotated[str | None, JUDGE]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Setting of the judge: model=FOLDER.")
]
Against = Annotated[
    str | None, typer.Option(help="Model to compare with; default: the one that the runs started from.")
]
Page = Annotated[Path | None, typer.Option("--html", help="Also write a page with table, chart and responses.")]
Tasks = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,...",
        help="Also run tasks of lm-evaluation-harness (the extra lm-eval); most load their data from the hub.",
    ),
]
TaskFolder = Annotated[Path | None, typer.Option(help="Folder with task files of your own for --tasks.")]


def evaluate(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Run folders, model folders or hub ids.")],
    data: Annotated[str | None, typer.Option(help="File with the prompts, and with what the judge reads.")] = None,
    judge: JudgeWords = None,
    set_: Settings = None,
    reference: Against = None,
    checkpoints: Annotated[bool, typer.Option("--checkpoints", help="Every checkpoint of each run, too.")] = False,
    kl: Annotated[bool, typer.Option(help="Measure the divergence from the reference on sampled responses.")] = True,
    prompts: Annotated[int, typer.Option(min=1, help="Maximum number of prompts.")] = 200,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Maximum tokens of a response.")] = 128,
    temperature: Annotated[float, typer.Option(min=0, help="Sampling temperature; 0 for greedy decoding.")] = 0.7,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    device: Annotated[str, typer.Option(help="Device of the models.")] = "cpu",
    tasks: Tasks = None,
    task_folder: TaskFolder = None,
    task_limit: Annotated[int | None, typer.Option(min=1, help="Maximum items of a task.")] = None,
    chat_template: ChatTemplate = None,
    map_: Renamed = None,
    split: Split = None,
    on_bad: BadRecords = "stop",
    json_out: JsonFile = None,
    html: Page = None,
    overwrite: Overwrite = False,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Compare the responses of checkpoints with those of their reference by a judge, and run standard tasks."""
    for file, option in ((json_out, "--json"), (html, "--html")):
        if file is not None:
            claim_file(file, option=option, overwrite=overwrite, inputs=[data, *runs, reference])
    _check(data, judge, tasks, html)
    # Before the libraries are loaded: a mistyped key is said at once.
    settings = None if judge is None else {**parse_judge(judge), **pairs(set_ or [], "--set")}
    check_part_keys("judge", settings)
    from penchant.evaluation.policies.checkpoints import all_checkpoints, find_checkpoint, find_reference

    found = [each for run in runs for each in (all_checkpoints(run) if checkpoints else [find_checkpoint(run)])]
    rows: dict[str, dict[str, Any]] = {each.name: {"name": each.name} for each in found}
    if data is not None and judge is not None and settings is not None:
        against = find_reference(reference, found)
        records, built = _judging(data, settings, device, prompts, map_, split, on_bad)
        from penchant.generation.responses import Sampling

        sampling = Sampling(max_new_tokens=max_new_tokens, temperature=temperature)
        how = {"chat_template": chat_template, "seed": seed, "device": device, "divergence": kl}
        judged = _compared(found, against, records, built, sampling, how, html, judge)
        rows |= {each.name: each.as_dict() for each in judged}
    if tasks is not None:
        _run_tasks(found, rows, tasks, task_folder, task_limit, device, seed)
    if json_out is not None:
        write_json(json_out, list(rows.values()), "The evaluation")


def _check(data: str | None, judge: str | None, tasks: str | None, html: Path | None) -> None:
    """Refuse a command that measures nothing, or only half of what it names."""
    if (data is None) != (judge is None):
        missing, other = ("--data", "--judge") if data is None else ("--judge", "--data")
        raise ConfigurationError(
            f"{other} is given without {missing}.",
            where=missing,
            fix="A judge compares responses to prompts: give --data FILE and --judge NAME.",
        )
    if judge is None and tasks is None:
        raise ConfigurationError(
            "Nothing is to be measured.", where="evaluate", fix="Give --data and --judge, or --tasks."
        )
    if judge is None and html is not None:
        raise ConfigurationError(
            "The page shows what a judge says, and there is none.", where="--html", fix="Give --data and --judge."
        )


def _judging(
    data: str,
    judge: dict[str, Any],
    device: str,
    prompts: int,
    map_: list[str] | None,
    split: str | None,
    on_bad: str,
) -> tuple[list[Record], Judge]:
    """The records with the prompts, each once, and the judge."""
    from penchant.feedback.reading import read
    from penchant.rewards.registry import build_judge

    reading: Any = {"mapping": parse_mapping(map_), "split": split, "on_bad": on_bad, "ties": "keep"}
    feedback = read(data, **reading)
    records = list({repr(record.prompt): record for record in feedback}.values())[:prompts]
    built = build_judge(judge, records, device)
    if built is None:
        raise ConfigurationError(
            f"The judge {judge['name']!r} never scores.", where="--judge", fix="Name another judge."
        )
    return records, built


def _compared(
    checkpoints: list[Checkpoint],
    reference: str,
    records: list[Record],
    judge: Judge,
    sampling: Sampling,
    how: dict[str, Any],
    html: Path | None,
    named: str,
) -> list[Judged]:
    """What the judge says, shown as a table and, if asked for, as a page."""
    from penchant.evaluation.policies.judging import judged_checkpoints
    from penchant.evaluation.report.evaluation_page import write_evaluation
    from penchant.rewards.judge_prompts import as_script

    found, theirs = judged_checkpoints(
        checkpoints, reference, records, judge, sampling, say=lambda text: echo(text, err=True), **how
    )
    _show(found, len(records), reference, how["divergence"])
    if html is not None:
        prompts = [as_script(record.prompt) for record in records]
        page = write_evaluation(
            found, html, prompts=prompts, reference=reference, reference_responses=theirs, judge=named.split(",")[0]
        )
        echo(f"The page is {page}", err=True)
    return found


def _run_tasks(
    checkpoints: list[Checkpoint],
    rows: dict[str, dict[str, Any]],
    tasks: str,
    folder: Path | None,
    limit: int | None,
    device: str,
    seed: int,
) -> None:
    """Run the tasks on each checkpoint, show the figures and add them to the rows."""
    from rich.table import Table

    from penchant.cli.narrow import print_fitted
    from penchant.evaluation.standard_tasks import run_tasks

    names = [each.strip() for each in tasks.split(",") if each.strip()]
    table = Table(title="lm-evaluation-harness")
    for heading in ("checkpoint", "task", "figure", "value"):
        table.add_column(heading, justify="right" if heading == "value" else "left")
    for each in checkpoints:
        found = run_tasks(
            each.model, names, limit=limit, device=device, tokenizer=each.tokenizer, folder=folder, seed=seed
        )
        rows[each.name]["tasks"] = found
        for task, figures in found.items():
            for name, value in figures.items():
                table.add_row(each.name, task, name.removesuffix(",none"), f"{value:.4f}")
    print_fitted(make_console(highlight=False), table)


def _show(found: list[Judged], prompts: int, reference: str, divergence: bool) -> None:
    from rich.table import Table

    from penchant.cli.narrow import print_fitted
    from penchant.evaluation.report.evaluation_page import HEADINGS, figure_rows

    table = Table(title=f"{counted(prompts, 'prompt')}, against {reference}")
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading == "checkpoint" else "right")
    for row in figure_rows(found):
        table.add_row(*row)
    console = make_console(highlight=False)
    print_fitted(console, table)
    if prompts == 1:
        console.print("One prompt gives no interval of the KL, and its win rate says nothing about others.")
    for each in found:
        if each.unread:
            console.print(f"{each.name}: the judge could not compare {each.unread} of {prompts} pairs.", markup=False)
        if divergence and each.divergence is None:
            console.print(f"{each.name}: no divergence; its vocabulary is not the reference's.", markup=False)
