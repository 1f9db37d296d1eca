"""``penchant plan``: the memory that a recipe takes, before a model is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli.options import AllowOutside, JsonFile, Overwrite, RecipeWords, TrustRemoteCode
from penchant.cli.words import first_lines, read_words
from penchant.targets import claim_file
from penchant.terminal import make_console
from penchant.writing import write_json

if TYPE_CHECKING:
    from penchant.training.planning import PlannedMemory

__all__ = ["plan"]


def plan(
    words: RecipeWords = None,
    processes: Annotated[
        int,
        typer.Option(min=1, help="Processes (GPUs) that weights, gradients and optimizer are sharded over."),
    ] = 1,
    json_file: JsonFile = None,
    overwrite: Overwrite = False,
    allow_outside: AllowOutside = False,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Say what memory a recipe takes, by purpose, before a model is loaded."""
    from penchant.training.progress import ProgressReporter

    recipe = read_words(words, {})
    if json_file is not None:
        inputs = [words, recipe.model, recipe.data, recipe.eval_data]
        claim_file(json_file, option="--json", overwrite=overwrite, inputs=inputs, makes_folder=False)
    reporter = ProgressReporter()
    for line in first_lines(recipe):
        reporter.say(line)
    from penchant.training.planning import plan_memory

    planned = plan_memory(recipe, processes, reporter)
    _print(planned)
    if json_file is not None:
        write_json(json_file, planned.as_json(), "The figures")


def _print(planned: PlannedMemory) -> None:
    """Print the parts and the peak as a table."""
    from rich.table import Table

    from penchant.modalities.modality import unit_of

    share = f"each of {planned.processes} processes" if planned.processes > 1 else "one process"
    table = Table(title=f"Memory of {share}", title_style="", width=40)
    table.add_column("purpose")
    name, unit, digits = unit_of(planned.total)
    table.add_column(name, justify="right")
    for part, size in planned.parts.items():
        table.add_row(part, f"{size / unit:.{digits}f}")
    table.add_section()
    table.add_row("at the peak", f"{planned.total / unit:.{digits}f}")
    console = make_console(highlight=False)
    console.print(table)
    console.print(
        f"{planned.model}; {planned.steps:,} steps of up to {planned.largest_step:,}, "
        f"micro-batches of up to {planned.micro_batch:,}. Measuring and training do not happen at the same time. The "
        "libraries take about 1 GiB more on a CPU, and the context of the device about as much on a GPU.",
        soft_wrap=True,
    )
