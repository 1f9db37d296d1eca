"""``penchant train``: a model from feedback."""

from __future__ import annotations

from typing import Annotated

import typer

from penchant.cli.words import data_of, pairs, split_words

__all__ = ["train"]


def train(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[RECIPE.yaml] [key=value ...]", help="Recipe, and keys to change.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Model folder or hub id.")] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(help="File, saved datasets folder, or hub id; NAME=PATH, repeated, for named sources."),
    ] = None,
    objective: Annotated[str | None, typer.Option(help="Method, or a sum such as dpo+0.2*nll.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Hyper-parameter of the objective.")
    ] = None,
    out: Annotated[str | None, typer.Option("--out", "--output", "-o", help="Folder of the run.")] = None,
    eval_data: Annotated[list[str] | None, typer.Option(help="Held-out data, in the same forms.")] = None,
    map_: Annotated[
        list[str] | None, typer.Option("--map", metavar="OURS=THEIRS", help="Our field, the data's column.")
    ] = None,
    on_bad: Annotated[str | None, typer.Option(help="What to do with a bad record: stop or skip.")] = None,
    tokens_per_batch: Annotated[int | None, typer.Option(help="Token budget of an optimizer step.")] = None,
    chat_template: Annotated[str | None, typer.Option(help="plain, chatml, or a Jinja file.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Delete the run that is in the folder.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and stop.")] = False,
) -> None:
    """Train a model on feedback: from a recipe, from options, or both (options win)."""
    from penchant.cli.result import tell
    from penchant.training.progress import ProgressReporter
    from penchant.training.recipe import make_recipe, read_recipe

    path, keys = split_words(words or [])
    options = {
        "model": model,
        "data": data_of(data or [], "--data"),
        "objective": objective,
        "output": out,
        "eval_data": data_of(eval_data or [], "--eval-data"),
        "on_bad": on_bad,
        "tokens_per_batch": tokens_per_batch,
        "chat_template": chat_template,
    }
    keys |= {key: value for key, value in options.items() if value is not None}
    keys |= {f"objective.{key}": value for key, value in pairs(set_ or [], "--set").items()}
    keys |= {f"mapping.{key}": value for key, value in pairs(map_ or [], "--map").items()}
    recipe = make_recipe(keys, "command line") if path is None else read_recipe(path, keys)
    reporter = ProgressReporter()
    if dry_run:
        from penchant.training.dry_run import describe

        describe(recipe, reporter)
        return
    from penchant.training.preparation import Given
    from penchant.training.run import Interrupted, run

    try:
        result = run(recipe, Given(), resume=resume, overwrite=overwrite, reporter=reporter)
    except Interrupted as stopped:
        typer.echo(f"penchant: {stopped}", err=True)
        raise typer.Exit(130) from None
    tell(result, reporter)
