"""``penchant pipeline``: the stages of a model's life as one resumable plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.options import JsonFile, Overwrite
from penchant.errors import ConfigurationError, nearest
from penchant.targets import claim_file
from penchant.terminal import echo, make_console
from penchant.writing import write_json

if TYPE_CHECKING:
    from penchant.training.pipelines.plan import Plan
    from penchant.training.pipelines.running import Done

__all__ = ["pipeline"]


def pipeline(
    context: typer.Context,
    plan: Annotated[
        Path,
        typer.Argument(
            metavar="PLAN",
            help="domain-adaptation, itool, medical-reasoning, seven-stages, or a YAML file of stages.",
        ),
    ],
    words: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE...", help="Inputs of the plan, output=FOLDER, rounds=N.")
    ] = None,
    json_out: JsonFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Run named stages one after another; a stage with unchanged inputs is not run again.

    A stopped pipeline goes on when the same command is given again.
    """
    from penchant.cli.words import pairs
    from penchant.training.pipelines.plan import read_plan

    if json_out is not None:
        claim_file(json_out, option="--json", overwrite=overwrite, inputs=[plan])
    read = read_plan(plan, pairs(words or [], "key=value"), _of_world)
    for stage in read.stages:
        for command in stage.commands:
            _check_command(command, context.find_root().command, f"{plan}: {stage.name}")

    from penchant.training.pipelines.running import run_plan

    found = run_plan(read, lambda line: echo(line, err=True))
    _show(read, found)
    if json_out is not None:
        write_json(json_out, [asdict(each) | {"output": str(each.output)} for each in found], "The pipeline")


def _show(plan: Plan, found: list[Done]) -> None:
    """A row for each stage; a figure has a column if a stage has it."""
    from rich.table import Table

    from penchant.training.pipelines.judged import FIGURES

    table = Table(title=str(plan.output))
    measured = {plan.measure: "score", "synergy": "synergy"} if plan.measure else {}
    judged = {
        heading: key for key, heading in FIGURES.items() if any(key in row for each in found for row in each.judged)
    }
    for heading in ("round", "stage", "", *measured, *judged):
        table.add_column(heading)
    for each in found:
        scores = [_figure(getattr(each, key), "+" if key == "synergy" else "") for key in measured.values()]
        # One figure for each checkpoint that the stage judged.
        scores += [", ".join(_figure(row.get(key)) for row in each.judged) for key in judged.values()]
        table.add_row(str(each.round), each.stage, "run" if each.ran else "unchanged", *scores)
    make_console(highlight=False).print(table)


def _figure(value: float | None, sign: str = "") -> str:
    return "" if value is None else f"{value:{sign}.4f}"


def _check_command(command: Sequence[str], root: Any, where: str) -> None:
    """Refuse an option or a recipe key that a stage's command does not have, before the first stage runs."""
    from penchant.cli.words import pairs, read_words

    known = root.commands.get(command[0])
    if known is None:
        hint = nearest(command[0], root.commands)
        raise ConfigurationError(f"There is no command {command[0]!r}. {hint}", where=where)
    try:
        given = known.make_context(command[0], list(command[1:])).params
    except Exception as error:
        if not hasattr(error, "format_message"):  # of the parser, whose module differs between versions of typer
            raise
        raise ConfigurationError(error.format_message(), where=where) from None
    words = [word for word in given.get("words") or [] if word != "auto"]
    if command[0] != "train" or any("=" not in word and not Path(word).is_file() for word in words):
        return  # a packaged recipe, or a file that an earlier command writes
    keys = {key: given[key] for key in ("model", "objective", "output") if given.get(key) is not None}
    keys |= {f"objective.{key}": value for key, value in pairs(given["set_"] or [], "--set").items()}
    # What an option gives may be the output of a stage that is not there yet; here its key counts.
    keys |= {"data": "data"} if given["data"] else {}
    try:
        read_words(words, keys)
    except ConfigurationError as error:
        raise ConfigurationError(f"{error.where or 'train'}: {error.what}", where=where, fix=error.fix) from None


def _of_world(world: str, folder: Path, names: list[str]) -> dict[str, str]:
    """The inputs of a plan from a world of the lab."""
    from penchant.lab.reasoning_data import write_reasoning_data
    from penchant.lab.study_data import write_study_data
    from penchant.lab.worlds.tools.inputs import write_inputs

    made = {"sums": write_study_data, "derivations": write_reasoning_data, "tools": write_inputs}
    if world not in made:
        fix = f"Write world: with one of {', '.join(made)}."
        raise ConfigurationError(f"No plan runs on the world {world!r}.", where="world", fix=fix)
    return made[world](folder, names)
