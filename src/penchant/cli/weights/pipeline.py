"""``penchant pipeline``: the stages of a model's life as one resumable plan."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from penchant.cli.options import JsonFile, Overwrite
from penchant.targets import claim_file
from penchant.terminal import echo, make_console
from penchant.writing import write_json

__all__ = ["pipeline"]


def pipeline(
    plan: Annotated[
        Path,
        typer.Argument(
            metavar="PLAN",
            help="domain-adaptation, medical-reasoning, seven-stages, or a YAML file with stages by name.",
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
    from rich.table import Table

    from penchant.cli.words import pairs
    from penchant.training.pipelines.plan import read_plan

    if json_out is not None:
        claim_file(json_out, option="--json", overwrite=overwrite, inputs=[plan])
    read = read_plan(plan, pairs(words or [], "key=value"), _of_world)

    from penchant.training.pipelines.running import run_plan

    found = run_plan(read, lambda line: echo(line, err=True))
    table = Table(title=str(read.output))
    for heading in ("round", "stage", "", read.measure or "score", "synergy"):
        table.add_column(heading)
    for each in found:
        score = "" if each.score is None else f"{each.score:.4f}"
        synergy = "" if each.synergy is None else f"{each.synergy:+.4f}"
        table.add_row(str(each.round), each.stage, "run" if each.ran else "unchanged", score, synergy)
    make_console(highlight=False).print(table)
    if json_out is not None:
        write_json(json_out, [asdict(each) | {"output": str(each.output)} for each in found], "The pipeline")


def _of_world(world: str, folder: Path, names: list[str]) -> dict[str, str]:
    """The inputs of a plan from a world of the lab."""
    from penchant.errors import ConfigurationError
    from penchant.lab.reasoning_data import write_reasoning_data
    from penchant.lab.study_data import write_study_data
    from penchant.lab.worlds.tools.inputs import write_inputs

    made = {"sums": write_study_data, "derivations": write_reasoning_data, "tools": write_inputs}
    if world not in made:
        fix = f"Write world: with one of {', '.join(made)}."
        raise ConfigurationError(f"No plan runs on the world {world!r}.", where="world", fix=fix)
    return made[world](folder, names)
