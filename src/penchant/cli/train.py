"""``penchant train``: train a model on feedback."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.interruption import interruptible
from penchant.cli.options import AllowOutside, HyperParameters, RecipeWords, Renamed, TrustRemoteCode
from penchant.cli.words import data_of, first_lines, pairs, parse_mapping, read_words
from penchant.plain_files import stands

if TYPE_CHECKING:
    from penchant.training.recipe import Recipe

__all__ = ["train"]

#: Packaged recipes that stand in place of a file.
PACKAGED = ("ssft", "multi-task")


def train(
    words: RecipeWords = None,
    model: Annotated[str | None, typer.Option(help="Model folder or hub id.")] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(help="File, saved datasets folder, or hub id; repeat NAME=PATH for named sources."),
    ] = None,
    objective: Annotated[str | None, typer.Option(help="Method, or a weighted sum such as dpo+0.2*nll.")] = None,
    set_: HyperParameters = None,
    out: Annotated[str | None, typer.Option("--out", "--output", "-o", help="Output folder of the run.")] = None,
    eval_data: Annotated[list[str] | None, typer.Option(help="Held-out data, in the same form as --data.")] = None,
    map_: Renamed = None,
    on_bad: Annotated[str | None, typer.Option(help="On a bad record: stop or skip.")] = None,
    tokens_per_batch: Annotated[
        int | None, typer.Option(help="Token budget per optimizer step, instead of batch_size.")
    ] = None,
    chat_template: Annotated[
        str | None, typer.Option(help="plain, chatml, or a Jinja file; default: the tokenizer's.")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue from the last checkpoint, or start if there is none. '--resume auto' is the same, for "
            "launchers that start a run again.",
        ),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Delete the run in the folder and start again.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show the resolved recipe, the plan and a memory estimate, without training."),
    ] = False,
    trust_remote_code: TrustRemoteCode = False,
    allow_outside: AllowOutside = False,
) -> None:
    """Train a model on feedback, from a recipe, from options, or both (options override the recipe).

    Two recipes for problems with worked solutions are packaged: ssft, and multi-task (generator, evaluator, generator).
    """
    options: dict[str, Any] = {"model": model, "objective": objective, "output": out, "on_bad": on_bad}
    options |= {"data": data_of(data or [], "--data"), "eval_data": data_of(eval_data or [], "--eval-data")}
    options |= {"tokens_per_batch": tokens_per_batch, "chat_template": chat_template}
    options |= {f"objective.{key}": value for key, value in pairs(set_ or [], "--set").items()}
    options |= {f"mapping.{key}": value for key, value in parse_mapping(map_).items()}
    given = _without_auto(words, resume)
    if given and given[0] in PACKAGED and not stands(given[0]):
        from penchant.cli.solutions import recipe_or_none

        packaged = recipe_or_none(given[0], given[1:], options, resume=resume, overwrite=overwrite, dry_run=dry_run)
        if packaged is not None:
            _train(packaged, resume=resume, overwrite=overwrite, dry_run=dry_run)
        return
    _train(read_words(given, options), resume=resume, overwrite=overwrite, dry_run=dry_run)


def _without_auto(words: list[str] | None, resume: bool) -> list[str] | None:
    """The words of the recipe without the word of ``--resume auto``."""
    if not resume or words is None or "auto" not in words:
        return words
    rest = list(words)
    rest.remove("auto")
    return rest


def _train(recipe: Recipe, *, resume: bool, overwrite: bool, dry_run: bool) -> None:
    """Describe the run, or run it and print the result."""
    from penchant.training.progress import ProgressReporter

    # One of several processes prints.
    reporter = ProgressReporter(quiet=os.environ.get("RANK", "0") != "0")
    for line in first_lines(recipe):
        reporter.say(line)
    if dry_run:
        from penchant.training.dry_run import describe

        describe(recipe, reporter)
        return
    from penchant.cli.result import print_result
    from penchant.training.preparation import Given
    from penchant.training.run import run

    with interruptible():
        print_result(run(recipe, Given(), resume=resume, overwrite=overwrite, reporter=reporter), reporter)
