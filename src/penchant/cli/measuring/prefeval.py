"""``penchant prefeval``: does a model follow preferences that were stated some turns ago?"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.judge_words import parse_judge
from penchant.cli.options import HtmlFile, JsonFile, Overwrite, TrustRemoteCode
from penchant.errors import ConfigurationError
from penchant.targets import claim_files
from penchant.terminal import echo, make_console
from penchant.writing import write_json

if TYPE_CHECKING:
    from penchant.evaluation.preference_following.protocol import Point
    from penchant.evaluation.preference_following.speaker import Speaker
    from penchant.evaluation.preference_following.tasks import PreferenceTask
    from penchant.rewards.llm import LLMJudge

__all__ = ["prefeval"]


TasksFile = Annotated[
    Path | None, typer.Option(help="Rows with preference, question, options and right; default: a built-in dozen.")
]
QuestionJudge = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,KEY=VALUE,...",
        help="LLM judge of written answers: llm,url=ADDRESS,model=NAME or local_llm,model=FOLDER. Without it only the "
        "choice among four options is measured.",
    ),
]
Turns = Annotated[
    list[int] | None, typer.Option(min=0, help="Exchanges between preference and question; repeat for a curve.")
]
Methods = Annotated[
    list[str] | None,
    typer.Option(
        help="zero-shot, reminder, chain-of-thought, self-critique or retrieval; repeat for several.",
    ),
]
Distractors = Annotated[
    Path | None, typer.Option(help="Demonstrations that fill the turns in between; default: built-in exchanges.")
]


def prefeval(
    model: Annotated[str, typer.Argument(help="Run folder, model folder or hub id.")],
    data: TasksFile = None,
    judge: QuestionJudge = None,
    turns: Turns = None,
    method: Methods = None,
    distractors: Distractors = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Maximum number of tasks.")] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Maximum tokens of an answer.")] = 256,
    temperature: Annotated[float, typer.Option(min=0, help="Sampling temperature; 0 for greedy decoding.")] = 0.0,
    batch_size: Annotated[int, typer.Option(min=1, help="Dialogues per batch.")] = 16,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the turns in between and of the order of options.")] = 0,
    device: Annotated[str, typer.Option(help="Device of the models.")] = "cpu",
    json_out: JsonFile = None,
    html: HtmlFile = None,
    overwrite: Overwrite = False,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Measure by PrefEval how well a model follows preferences that were stated some turns ago."""
    claim_files({"--json": json_out, "--html": html}, overwrite=overwrite, inputs=[data, distractors, model])
    settings = None if judge is None else parse_judge(judge)  # before the libraries are loaded
    from penchant.evaluation.policies.checkpoints import find_checkpoint
    from penchant.evaluation.preference_following.dialogues import METHODS, check_turns
    from penchant.evaluation.preference_following.speaker import Speaker
    from penchant.rewards.local_answerer import LocalAnswerer

    methods, numbers = method or ["zero-shot"], sorted(set(turns or [0]))
    for each in methods:
        if each not in METHODS:
            raise ConfigurationError(
                f"There is no method {each!r}.", where="--method", fix=f"Give {', '.join(METHODS)}."
            )
    tasks, pool = _tasks(data)[:limit], _pool(distractors)
    check_turns(numbers[-1], pool)
    asked = None if settings is None else _llm_judge(settings, device)
    _check_options(tasks, asked, data)
    speaks = LocalAnswerer(
        find_checkpoint(model).model, max_new_tokens=max_new_tokens, temperature=temperature, batch_size=batch_size
    )
    speaks.to(device)
    points = _measured(Speaker(speaks), asked, tasks, pool, (methods, numbers), seed)
    _show(points, len(tasks), model)
    if json_out is not None:
        write_json(json_out, [each.as_dict() for each in points], "The evaluation")
    if html is not None:
        from penchant.evaluation.report.ratings_page import write_prefeval

        echo(str(write_prefeval(points, len(tasks), model, html)))


def _check_options(tasks: list[PreferenceTask], judge: LLMJudge | None, data: Path | None) -> None:
    if judge is None and not all(each.options for each in tasks):
        raise ConfigurationError(
            "Some tasks have no options to choose from, and there is no judge of written answers.",
            where=str(data),
            fix="Give --judge llm,url=ADDRESS,model=NAME, or add options and right to the rows.",
        )


def _measured(
    speaker: Speaker,
    judge: LLMJudge | None,
    tasks: list[PreferenceTask],
    pool: list[tuple[str, str]],
    grid: tuple[list[str], list[int]],
    seed: int,
) -> list[Point]:
    """The points of both tasks, as far as options and a judge allow."""
    from penchant.evaluation.preference_following.protocol import (
        Setting,
        measure_choices,
        measure_curve,
        measure_generation,
    )

    def choices(how: str, number: int) -> Point:
        return measure_choices(speaker, Setting(tasks, how, number, pool, seed))

    def answers(how: str, number: int) -> Point:
        assert judge is not None
        by_words = judge.by == "probabilities"
        setting = Setting(tasks, how, number, pool, seed)
        return measure_generation(speaker, judge.answerer, setting, by_words=by_words)

    points: list[Point] = []
    kinds = (("choice", choices, all(each.options for each in tasks)), ("written answers", answers, judge is not None))
    for kind, measure, wanted in kinds:
        if wanted:
            points += measure_curve(measure, *grid, partial(_say, kind))
    return points


def _say(kind: str, text: str) -> None:
    echo(f"{kind}, {text}", err=True)


def _tasks(data: Path | None) -> list[PreferenceTask]:
    from penchant.evaluation.preference_following.tasks import built_in_tasks, read_tasks
    from penchant.feedback.files import sound_rows

    return built_in_tasks() if data is None else read_tasks(sound_rows(data), str(data))


def _pool(file: Path | None) -> list[tuple[str, str]]:
    """The exchanges that fill the turns in between: the prompt and the first response of each record."""
    from penchant.evaluation.preference_following.tasks import built_in_distractors
    from penchant.feedback.reading import read
    from penchant.feedback.records import as_text

    if file is None:
        return built_in_distractors()
    return [(as_text(each.prompt), as_text(each.responses[0])) for each in read(str(file)) if each.responses]


def _llm_judge(settings: dict[str, Any], device: str) -> LLMJudge:
    from penchant.rewards.llm import LLMJudge
    from penchant.rewards.registry import build_judge

    built = build_judge(settings, (), device)
    if not isinstance(built, LLMJudge):
        raise ConfigurationError(
            f"The judge {settings['name']!r} answers no questions; the four checks of an answer are yes/no questions.",
            where="--judge",
            fix="Give llm,url=ADDRESS,model=NAME or local_llm,model=FOLDER.",
        )
    return built


def _show(points: list[Point], tasks: int, model: str) -> None:
    from rich.table import Table

    from penchant.cli.narrow import print_fitted
    from penchant.evaluation.prefeval import ERRORS

    console = make_console(highlight=False)
    for kind in dict.fromkeys(each.task for each in points):
        errors = ERRORS if kind == "generation" else ()
        table = Table(title=f"{kind} task, {tasks} tasks, {model}")
        for heading in (
            "method",
            "turns",
            "accuracy, %",
            "95 %",
            *(f"{each.split()[0].split('-')[0]}, %" for each in errors),
        ):
            table.add_column(heading, justify="left" if heading == "method" else "right")
        for each in points:
            if each.task == kind:
                table.add_row(each.method, str(each.turns), *_cells(each), *_error_cells(each, errors))
        print_fitted(console, table)
    for each in points:
        if each.too_long:
            what = f"{each.too_long} of {tasks} dialogues do not fit into the model's context"
            console.print(f"{each.task}, {each.method}, {each.turns} turns: {what}.", markup=False)
        if each.unread:
            what = f"the judge said neither a clear yes nor no to {each.unread} answers"
            console.print(f"{each.task}, {each.method}, {each.turns} turns: {what}.", markup=False)


def _cells(point: Point) -> tuple[str, str]:
    found = point.figures.get("accuracy")
    return (
        ("", "") if found is None else (f"{100 * found.value:.1f}", f"{100 * found.low:.1f} to {100 * found.high:.1f}")
    )


def _error_cells(point: Point, errors: tuple[str, ...]) -> list[str]:
    return [f"{100 * point.figures[name].value:.1f}" if name in point.figures else "" for name in errors]
