"""``penchant data build``: feedback made from feedback."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.data import File, KindOption, MapOption, OnBadOption, SplitOption, TemplateOption, parse_mapping

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


@app.command("reward-augmented")
def reward_augmented(
    file: File,
    output: Output,
    place: Annotated[
        str, typer.Option(help="Where the goal stands: system, or user (the first user turn).")
    ] = "system",
    low: Annotated[float, typer.Option(help="Lowest score of the scale.")] = 1,
    high: Annotated[float, typer.Option(help="Highest score of the scale.")] = 10,
    template: Annotated[Path | None, typer.Option(help="Text file with {lines}, and {low}, {high}.")] = None,
    keep_equal: Annotated[bool, typer.Option("--keep-equal", help="Keep pairs of equal scores.")] = False,
    originals: Annotated[float, typer.Option(help="Share of the original rows to add, 0 to 1.")] = 0.0,
    seed: Seed = 0,
    map_: MapOption = None,
    split: SplitOption = None,
    on_bad: OnBadOption = "stop",
    overwrite: Overwrite = False,
) -> None:
    """Every pair twice: asking for the score of its chosen response, and, turned round, for that of the rejected one.

    Needs chosen_score and rejected_score, or chosen_scores and rejected_scores (numbers by attribute).
    """
    from penchant.curation import reward_augmented as build
    from penchant.curation.reward_augmented import TEMPLATE

    text = TEMPLATE if template is None else _text(template)
    options: dict[str, Any] = {"place": place, "scale": (low, high), "keep_equal": keep_equal, "originals": originals}
    feedback = _start(file, output, overwrite, map_, split, on_bad)
    _finish(build(feedback, template=text, seed=seed, **options), output, overwrite, feedback)


@app.command()
def rationale(
    file: File,
    output: Output,
    ask: Annotated[str | None, typer.Option(help="Write questions for a model instead: general or specific.")] = None,
    template: Annotated[
        Path | None, typer.Option(help="With --ask: text file with {prompt}, {first}, {second}, {better}.")
    ] = None,
    shuffle: Annotated[bool, typer.Option("--shuffle", help="With --ask: draw which response stands first.")] = False,
    answers: Annotated[Path | None, typer.Option(help="File that holds the rationales.")] = None,
    column: Annotated[str, typer.Option(help="The column that holds the rationale.")] = "rationale",
    by: Annotated[str | None, typer.Option(help="With --answers: the column that both files have.")] = None,
    seed: Seed = 0,
    map_: MapOption = None,
    split: SplitOption = None,
    on_bad: OnBadOption = "stop",
    overwrite: Overwrite = False,
) -> None:
    """Comparisons with a rationale, from a column or from another file; or the questions that ask for rationales."""
    from penchant.curation import ask_for_rationales, attach_rationales
    from penchant.feedback.files import sound_rows

    text = None if template is None else _text(template)
    rows = None if answers is None else sound_rows(answers)
    feedback = _start(file, output, overwrite, map_, split, on_bad)
    if ask is not None or text is not None:
        built = ask_for_rationales(feedback, kind=ask or "general", template=text, shuffle=shuffle, seed=seed)
    else:
        built = attach_rationales(feedback, rows, column=column, by=by)
    _finish(built, output, overwrite, feedback)


@app.command()
def prompts(
    file: File,
    output: Output,
    constraints: Annotated[int, typer.Option(min=1, help="Most constraints that a prompt is given.")] = 2,
    seed: Seed = 0,
    map_: MapOption = None,
    split: SplitOption = None,
    on_bad: OnBadOption = "stop",
    overwrite: Overwrite = False,
) -> None:
    """Prompts with constraints that the chosen response keeps, breaks, and that tell it from the rejected one."""
    from penchant.curation import vary_prompts

    feedback = _start(file, output, overwrite, map_, split, on_bad)
    _finish(vary_prompts(feedback, constraints=constraints, seed=seed), output, overwrite, feedback)


@app.command()
def degrade(
    file: File,
    output: Output,
    levels: Annotated[int, typer.Option(min=2, help="Texts of each response, the response itself included.")] = 4,
    rate: Annotated[float, typer.Option(help="Share of the key content that the last one loses.")] = 0.5,
    extractor: Annotated[str, typer.Option(help="What key content is: tfidf or rake.")] = "tfidf",
    map_: MapOption = None,
    split: SplitOption = None,
    on_bad: OnBadOption = "stop",
    overwrite: Overwrite = False,
) -> None:
    """Copies of every response that say less and less."""
    from penchant.curation import degrade as build

    feedback = _start(file, output, overwrite, map_, split, on_bad)
    _finish(build(feedback, levels=levels, rate=rate, extractor=extractor), output, overwrite, feedback)


@app.command()
def sources(
    file: File,
    output: Output,
    source: Annotated[list[str], typer.Option("--source", help="Folder or hub id of a source model; may be repeated.")],
    initial: Annotated[str | None, typer.Option(help="The policy's own first state, as a further model.")] = None,
    chat_template: TemplateOption = None,
    max_length: Annotated[int | None, typer.Option(help="Most tokens, for every model.")] = None,
    truncation: Annotated[str, typer.Option(help="prompt_left, response_right, drop, error.")] = "drop",
    map_: MapOption = None,
    split: SplitOption = None,
    on_bad: OnBadOption = "stop",
    overwrite: Overwrite = False,
) -> None:
    """Each response's log-probability per token under other models, each with its own tokenizer.

    A stopped run goes on: results of models that are done are kept beside the output until it is written.
    """
    from penchant.curation import source_likelihoods
    from penchant.training.progress import Reporter

    feedback = _start(file, output, overwrite, map_, split, on_bad)
    keep = output.with_name(f".{output.name}.scores.json")
    reporter = Reporter()
    models = list(dict.fromkeys([*source, *([initial] if initial else [])]))

    def advance(model: str, done: int, total: int) -> None:
        reporter.advance(models.index(model) * total + done, len(models) * total, model)

    with reporter.bar("Scoring", len(models) * len(feedback)):
        built = source_likelihoods(
            feedback,
            source,
            initial=initial,
            keep=keep,
            progress=advance,
            chat_template=chat_template,
            max_length=max_length,
            truncation=truncation,
        )
    _finish(built, output, overwrite, feedback)
    keep.unlink(missing_ok=True)


@app.command()
def rso(
    file: File,
    output: Output,
    keep: Annotated[int, typer.Option(min=1, help="Candidates accepted for each prompt.")] = 8,
    beta: Annotated[float, typer.Option(help="Temperature of the accepted ones, above 0.")] = 0.5,
    pairing: Annotated[str, typer.Option(help="first-round or tournament.")] = "first-round",
    seed: Seed = 0,
    kind: KindOption = None,
    map_: MapOption = None,
    split: SplitOption = None,
    on_bad: OnBadOption = "stop",
    overwrite: Overwrite = False,
) -> None:
    """Comparisons by statistical rejection sampling, from rankings: candidates of each prompt with their rewards."""
    from penchant.curation import sampled_comparisons

    feedback = _start(file, output, overwrite, map_, split, on_bad, kind)
    built = sampled_comparisons(feedback, keep=keep, beta=beta, pairing=pairing, seed=seed)
    _finish(built, output, overwrite, feedback)


def _start(
    file: str,
    output: Path,
    overwrite: bool,
    mapping: list[str] | None,
    split: str | None,
    on_bad: str,
    kind: str | None = None,
) -> Feedback:
    """The feedback; that the result can be written is made sure before any of it is read."""
    from penchant.curation.rows import require_free
    from penchant.feedback import read

    require_free(output, overwrite)
    return read(file, mapping=parse_mapping(mapping), kind=kind, split=split, on_bad=on_bad)  # type: ignore[arg-type]


def _finish(built: Built, output: Path, overwrite: bool, feedback: Feedback) -> None:
    """Write the rows, and say what became of the records."""
    from rich.console import Console
    from rich.table import Table

    built.write(output, overwrite=overwrite)
    table = Table("what", "count")
    table.columns[1].justify = "right"
    for name, number in built.counts.items():
        if number or not name.startswith("dropped"):
            table.add_row(name, f"{number:,}")
    if feedback.bad:
        table.add_row("bad records skipped", f"{len(feedback.bad):,}")
    Console(highlight=False).print(table)
    typer.echo(f"{len(built.rows)} rows written to {output}")


def _text(path: Path) -> str:
    from penchant.errors import ConfigurationError

    try:
        return path.read_text(encoding="utf-8").strip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The template cannot be read: {error}.", where=str(path)) from error
