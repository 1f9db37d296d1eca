"""``penchant data build``: feedback made from feedback."""

# Annotations stay objects here: the commands are put together from the signatures of the builders below.

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.data import File, MapOption, OnBadOption, SplitOption, TemplateOption, parse_mapping

if TYPE_CHECKING:
    from penchant.curation.rows import Built
    from penchant.feedback import Feedback

__all__ = ["app"]

app = typer.Typer(
    rich_markup_mode=None, help="Build data that methods ask for, from a file of feedback.", no_args_is_help=True
)

Output = Annotated[Path, typer.Option("--output", "--out", "-o", help="JSONL file to write.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")]
Seed = Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")]
Builder = Callable[..., "Built"]


def _run(
    file: File,
    output: Output,
    overwrite: Overwrite = False,
    map_: MapOption = None,
    split: SplitOption = None,
    on_bad: OnBadOption = "stop",
    *,
    builder: Builder,
    **options: Any,
) -> None:
    """Read, build, write, and say what became of the records; the options are those of every builder."""
    from rich.console import Console
    from rich.table import Table

    from penchant.curation.rows import require_free
    from penchant.feedback import read

    require_free(output, overwrite)  # before anything is read: no work is done that could not be written
    feedback = read(file, mapping=parse_mapping(map_), split=split, on_bad=on_bad)  # type: ignore[arg-type]
    built = builder(feedback, **options, **({"kept": _kept(output)} if _takes(builder, "kept") else {}))
    built.write(output, overwrite=overwrite)
    _kept(output).unlink(missing_ok=True)
    table = Table("what", "count")
    table.columns[1].justify = "right"
    if feedback.bad:
        built.count("bad records skipped", len(feedback.bad))
    for name, number in built.counts.items():
        table.add_row(name, f"{number:,}")
    Console(highlight=False).print(table)
    typer.echo(f"{len(built.rows)} rows written to {output}")


def _kept(output: Path) -> Path:
    """Where unfinished work on a file is kept."""
    return output.with_name(f".{output.name}.unfinished.json")


def _takes(builder: Builder, name: str) -> bool:
    return name in inspect.signature(builder).parameters


def _command(name: str) -> Callable[[Builder], Builder]:
    """Make a command of a builder: its own options, between those that all builders share."""

    def register(builder: Builder) -> Builder:
        shared = [
            each for each in inspect.signature(_run).parameters.values() if each.name not in ("builder", "options")
        ]
        own = [each for each in inspect.signature(builder).parameters.values() if each.name not in ("feedback", "kept")]

        @functools.wraps(builder)
        def command(**given: Any) -> None:
            _run(builder=builder, **given)

        parts = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*shared[:2], *own, *shared[2:])]
        command.__signature__ = inspect.Signature(parts)  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in parts}
        app.command(name)(command)
        return builder

    return register


@_command("reward-augmented")
def reward_augmented(
    feedback: "Feedback",
    place: Annotated[
        str, typer.Option(help="Where the goal stands: system, or user (the first user turn).")
    ] = "system",
    low: Annotated[float, typer.Option(help="Lowest score of the scale.")] = 1,
    high: Annotated[float, typer.Option(help="Highest score of the scale.")] = 10,
    template: Annotated[Path | None, typer.Option(help="Text file with {lines}, and {low}, {high}.")] = None,
    keep_equal: Annotated[bool, typer.Option("--keep-equal", help="Keep pairs of equal scores.")] = False,
    originals: Annotated[float, typer.Option(help="Share of the original rows to add, 0 to 1.")] = 0.0,
    seed: Seed = 0,
) -> "Built":
    """Every pair twice: asking for the score of its chosen response, and, turned round, for that of the rejected one.

    Needs chosen_score and rejected_score, or chosen_scores and rejected_scores (numbers by attribute).
    """
    from penchant.curation.reward_augmented import TEMPLATE, Goal
    from penchant.curation.reward_augmented import reward_augmented as build

    goal = Goal(place, (low, high), TEMPLATE if template is None else _text(template))
    return build(feedback, goal, keep_equal=keep_equal, originals=originals, seed=seed)


@_command("rationale")
def rationale(
    feedback: "Feedback",
    ask: Annotated[str | None, typer.Option(help="Write questions for a model: general or specific.")] = None,
    template: Annotated[
        Path | None, typer.Option(help="With --ask: text file with {prompt}, {first}, {second}, {better}.")
    ] = None,
    shuffle: Annotated[bool, typer.Option("--shuffle", help="With --ask: draw which response stands first.")] = False,
    answers: Annotated[Path | None, typer.Option(help="File that holds the rationales.")] = None,
    column: Annotated[str, typer.Option(help="The column that holds the rationale.")] = "rationale",
    by: Annotated[str | None, typer.Option(help="With --answers: the column that both files have.")] = None,
    seed: Seed = 0,
) -> "Built":
    """Comparisons with a rationale, from a column or from another file; or the questions that ask for rationales."""
    from penchant.curation import ask_for_rationales, attach_rationales
    from penchant.feedback.files import sound_rows

    if ask is not None or template is not None:
        question = None if template is None else _text(template)
        return ask_for_rationales(feedback, kind=ask or "general", template=question, shuffle=shuffle, seed=seed)
    return attach_rationales(feedback, None if answers is None else sound_rows(answers), column=column, by=by)


@_command("prompts")
def prompts(
    feedback: "Feedback",
    constraints: Annotated[int, typer.Option(min=1, help="Most constraints that a prompt is given.")] = 2,
    seed: Seed = 0,
) -> "Built":
    """Prompts with constraints that the chosen response keeps, breaks, and that tell it from the rejected one."""
    from penchant.curation import vary_prompts

    return vary_prompts(feedback, constraints=constraints, seed=seed)


@_command("degrade")
def degrade(
    feedback: "Feedback",
    levels: Annotated[int, typer.Option(min=2, help="Texts of each response, the response itself included.")] = 4,
    rate: Annotated[float, typer.Option(help="Share of the key content that the last one loses.")] = 0.5,
    extractor: Annotated[str, typer.Option(help="What key content is: tfidf or rake.")] = "tfidf",
) -> "Built":
    """Copies of every response that say less and less."""
    from penchant.curation import degrade as build

    return build(feedback, levels=levels, rate=rate, extractor=extractor)


@_command("sources")
def sources(
    feedback: "Feedback",
    source: Annotated[list[str], typer.Option("--source", help="Folder or hub id of a source model; may be repeated.")],
    initial: Annotated[str | None, typer.Option(help="The policy's own first state, as a further model.")] = None,
    chat_template: TemplateOption = None,
    max_length: Annotated[int | None, typer.Option(help="Most tokens, for every model.")] = None,
    truncation: Annotated[str, typer.Option(help="prompt_left, response_right, drop, error.")] = "drop",
    *,
    kept: Path,
) -> "Built":
    """Each response's log-probability per token under other models, each with its own tokenizer.

    A stopped run goes on: results of models that are done are kept beside the output until it is written.
    """
    from penchant.curation import source_likelihoods
    from penchant.training.progress import ProgressReporter

    reporter = ProgressReporter()
    models = list(dict.fromkeys([*source, *([initial] if initial else [])]))

    def advance(model: str, done: int, total: int) -> None:
        reporter.advance(models.index(model) * total + done, len(models) * total, model)

    options = {"chat_template": chat_template, "max_length": max_length, "truncation": truncation}
    with reporter.bar("Scoring", len(models) * len(feedback)):
        return source_likelihoods(feedback, source, initial=initial, keep=kept, progress=advance, **options)


@_command("rso")
def rso(
    feedback: "Feedback",
    keep: Annotated[int, typer.Option(min=1, help="Candidates accepted for each prompt.")] = 8,
    beta: Annotated[float, typer.Option(help="Temperature of the accepted ones, above 0.")] = 0.5,
    pairing: Annotated[str, typer.Option(help="first-round or tournament.")] = "first-round",
    seed: Seed = 0,
) -> "Built":
    """Comparisons by statistical rejection sampling, from rankings: candidates of each prompt with their rewards."""
    from penchant.curation import sampled_comparisons

    return sampled_comparisons(feedback, keep=keep, beta=beta, pairing=pairing, seed=seed)


def _text(path: Path) -> str:
    from penchant.errors import ConfigurationError

    try:
        return path.read_text(encoding="utf-8").strip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The template cannot be read: {error}.", where=str(path)) from error
