"""``penchant online``: train a model on its own responses, scored by a judge."""

from __future__ import annotations

import os
from dataclasses import astuple
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.interruption import interruptible
from penchant.cli.options import AllowOutside, TrustRemoteCode
from penchant.cli.words import first_lines
from penchant.errors import ConfigurationError, nearest
from penchant.plain_files import stands
from penchant.terminal import echo, make_console

if TYPE_CHECKING:
    from penchant.online.recipe import OnlineRecipe

__all__ = ["online"]

_JUDGE = typer.Option(
    metavar="NAME,KEY=VALUE,...",
    help="verifier, reward_model, function, none, ..., with settings, or the folder of a reward model: "
    "`penchant list judges` names them.",
)


def online(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RECIPE.yaml | METHOD | list] [key=value ...]",
            help="Recipe or method, and recipe keys to override; `list` shows the methods.",
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Model folder or hub id.")] = None,
    data: Annotated[
        list[str] | None, typer.Option(help="Prompts: file, saved datasets folder, or hub id; may be repeated.")
    ] = None,
    method: Annotated[str | None, typer.Option(help="A packaged recipe: `penchant online list` names them.")] = None,
    objective: Annotated[str | None, typer.Option(help="Objective to use instead of the method's.")] = None,
    judge: Annotated[str | None, _JUDGE] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Hyper-parameter of the objective.")
    ] = None,
    out: Annotated[str | None, typer.Option("--out", "--output", "-o", help="Folder of the run.")] = None,
    eval_data: Annotated[str | None, typer.Option(help="Held-out prompts.")] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help="Read FIELD from this column, for example prompt=question."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a run that was stopped.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Delete the run in the folder and start again.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show the resolved recipe, a judged response and the rounds, without training."),
    ] = False,
    trust_remote_code: TrustRemoteCode = False,
    allow_outside: AllowOutside = False,
) -> None:
    """Train online: sample responses, judge them, train on them, and repeat."""
    from penchant.cli.words import pairs, parse_mapping, split_words
    from penchant.online.recipe import make_online_recipe, methods
    from penchant.training.recipe_keys import read_keys

    if words == ["list"]:
        return _list()
    path, keys = split_words(words or [])
    if path is not None and str(path) in methods():
        path, method = None, method or str(path)
    elif path is not None and path.suffix not in (".yaml", ".yml") and not stands(path):
        raise _unknown_method(str(path), methods())
    prompts = data[0] if data and len(data) == 1 else data or None
    options = {"model": model, "data": prompts, "objective": objective, "output": out, "eval_data": eval_data}
    options |= {"method": method}
    keys = _judge_keys(judge) | keys
    keys |= {key: value for key, value in options.items() if value is not None}
    keys |= {f"objective.{key}": value for key, value in pairs(set_ or [], "--set").items()}
    keys |= {f"mapping.{key}": value for key, value in parse_mapping(map_).items()}
    if path is None:
        recipe = make_online_recipe(keys, "command line")
    else:
        recipe = make_online_recipe({**read_keys(path, keys), **keys}, str(path))
    _run(recipe, resume=resume, overwrite=overwrite, dry_run=dry_run)


def _judge_keys(word: str | None) -> dict[str, Any]:
    """The recipe keys of ``--judge``."""
    from penchant.cli.judge_words import parse_judge

    found = {} if word is None else parse_judge(word)
    return {"judge" if key == "name" else f"judge.{key}": value for key, value in found.items()}


def _list() -> None:
    """The packaged recipes: the choices of each, and what it needs."""
    from rich.table import Table

    from penchant.cli.narrow import print_fitted
    from penchant.online.catalogue import catalogue

    table = Table("method", "sampler", "judge", "pairing", "objective", "reference", "further", "needs")
    for each in catalogue():
        table.add_row(*astuple(each))
    print_fitted(make_console(highlight=False), table)
    echo("penchant online METHOD --model M --data FILE --output runs/x; every key can be changed: docs/online.md")


def _run(recipe: OnlineRecipe, *, resume: bool, overwrite: bool, dry_run: bool) -> None:
    """Describe the recipe, or run it and print the result; the trainer is loaded here, after the recipe's check."""
    from penchant.training.progress import ProgressReporter

    reporter = ProgressReporter(quiet=os.environ.get("RANK", "0") != "0")
    for line in first_lines(recipe):
        reporter.say(line)
    if dry_run:
        from penchant.online.dry_run import describe

        describe(recipe)
        return
    from penchant.cli.result import print_result
    from penchant.online.loop import run_online

    with interruptible():
        print_result(run_online(recipe, resume=resume, overwrite=overwrite, reporter=reporter), reporter)


def _unknown_method(name: str, known: list[str]) -> ConfigurationError:
    """The error for a word that names neither a recipe nor a method; an objective is said to be one."""
    from penchant.objectives.core.registry import OBJECTIVES
    from penchant.online.shown.paper_names import PAPER_NAMES

    fix = nearest(name, known)
    if name in PAPER_NAMES and PAPER_NAMES[name].recipe:
        fix = f"It is a setting of a recipe: {PAPER_NAMES[name].command} ...; `penchant methods show {name}` says more."
    elif name in OBJECTIVES:
        fix = f"It is an objective: write `penchant online METHOD --objective {name}`. Methods: {', '.join(known)}."
    return ConfigurationError(f"There is no recipe file and no online method {name!r}.", fix=fix)
