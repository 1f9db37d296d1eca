"""``penchant train``: a model from feedback."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from penchant.errors import ConfigurationError

__all__ = ["train"]


def train(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[RECIPE.yaml] [key=value ...]", help="Recipe, and keys to change.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Model folder or hub id.")] = None,
    data: Annotated[str | None, typer.Option(help="File, saved datasets folder, or hub id.")] = None,
    objective: Annotated[str | None, typer.Option(help="Method, or a sum such as dpo+0.2*nll.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Hyper-parameter of the objective.")
    ] = None,
    out: Annotated[str | None, typer.Option("--out", "--output", "-o", help="Folder of the run.")] = None,
    eval_data: Annotated[str | None, typer.Option(help="Held-out data.")] = None,
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
    from penchant.training.progress import Reporter
    from penchant.training.recipe import make_recipe, read_recipe

    path, keys = _split(words or [])
    options = {
        "model": model,
        "data": data,
        "objective": objective,
        "output": out,
        "eval_data": eval_data,
        "on_bad": on_bad,
        "tokens_per_batch": tokens_per_batch,
        "chat_template": chat_template,
    }
    keys |= {key: value for key, value in options.items() if value is not None}
    keys |= {f"objective.{key}": value for key, value in _pairs(set_ or [], "--set").items()}
    keys |= {f"mapping.{key}": value for key, value in _pairs(map_ or [], "--map").items()}
    recipe = make_recipe(keys, "command line") if path is None else read_recipe(path, keys)
    reporter = Reporter()
    if dry_run:
        from penchant.training.dry_run import describe

        describe(recipe, reporter)
        return
    from penchant.training.preparation import Given
    from penchant.training.run import Interrupted, carry_out

    try:
        result = carry_out(recipe, Given(), resume=resume, overwrite=overwrite, reporter=reporter)
    except Interrupted as stopped:
        typer.echo(f"penchant: {stopped}", err=True)
        raise typer.Exit(130) from None
    _tell(result, reporter)


def _split(words: list[str]) -> tuple[Path | None, dict[str, Any]]:
    """The recipe's path, if one is named, and the keys."""
    paths = [word for word in words if "=" not in word]
    if len(paths) > 1:
        raise ConfigurationError(
            f"Two recipes are named: {paths[0]!r} and {paths[1]!r}.", fix="Give one recipe; keys are written key=value."
        )
    return (Path(paths[0]) if paths else None), _pairs([word for word in words if "=" in word], "key=value")


def _pairs(words: list[str], form: str) -> dict[str, Any]:
    """Words of the form name=value, with values read as YAML (numbers, true, lists)."""
    import yaml

    result = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise ConfigurationError(f"{word!r} is not of the form name=value.", where=form)
        try:
            result[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            result[name] = value
    return result


def _tell(result: Any, reporter: Any) -> None:
    """Before and after, and where everything is."""
    from rich.console import Console
    from rich.table import Table

    if reporter.quiet:
        return
    before, after = result.summary["before"], result.summary["after"]
    table = Table(title=f"Measured on {result.summary['measured_on']}")
    for heading in ("", "before", "after"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name in sorted(before.keys() & after.keys()):
        table.add_row(name, f"{before[name]:.4g}", f"{after[name]:.4g}")
    console = Console()
    console.print(table)
    console.print(f"Model:  {result.folder / 'model'}", soft_wrap=True, highlight=False)
    console.print(f"Report: {result.report}", soft_wrap=True, highlight=False)
