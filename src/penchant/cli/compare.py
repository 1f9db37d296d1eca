"""``penchant compare``: several objectives on the same data, with several seeds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penchant.errors import ConfigurationError

if TYPE_CHECKING:
    from penchant.training.compare import Compared

__all__ = ["compare"]


def compare(
    words: Annotated[
        list[str], typer.Argument(metavar="RECIPE.yaml [key=value ...]", help="Recipe of all runs, and keys to change.")
    ],
    objectives: Annotated[str, typer.Option(help="Methods or sums, separated by commas: dpo,ipo,dpo+0.2*nll.")],
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="ID.NAME=VALUE", help="Hyper-parameter of one objective.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Runs of each objective, with seeds counted from the recipe's.")] = 3,
    out: Annotated[Path, typer.Option("--out", "--output", "-o", help="Folder of the comparison.")] = Path(
        "runs/comparison"
    ),
    resume: Annotated[bool, typer.Option("--resume", help="Go on; what is done is not done again.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the comparison in the folder.")] = False,
) -> None:
    """Train several objectives on the same data, with several seeds, and write one table, picture and page."""
    from penchant.cli.words import pairs, split_words
    from penchant.training.compare import compare_objectives
    from penchant.training.progress import ProgressReporter
    from penchant.training.recipe import make_recipe, read_recipe
    from penchant.training.run import Interrupted

    path, keys = split_words(words)
    recipe = make_recipe(keys, "command line") if path is None else read_recipe(path, keys)
    names = [name.strip() for name in objectives.split(",") if name.strip()]
    if len(names) < 2:
        raise ConfigurationError(
            f"--objectives names {len(names)} objective.", fix="Give two or more, such as dpo,ipo; else penchant train."
        )
    reporter = ProgressReporter()
    try:
        found = compare_objectives(
            recipe,
            names,
            out,
            seeds=seeds,
            settings=pairs(set_ or [], "--set"),
            resume=resume,
            overwrite=overwrite,
            reporter=reporter,
        )
    except Interrupted as stopped:
        typer.echo(f"penchant: {stopped}", err=True)
        raise typer.Exit(130) from None
    _tell(found)
    if found.all_failed:
        raise typer.Exit(1)


def _tell(found: Compared) -> None:
    """The table, what failed, and where everything is."""
    from rich.console import Console

    from penchant.evaluation.report import failures, objectives_table

    console = Console(highlight=False)
    console.print(objectives_table(found.results))
    for told in failures(found.results):
        console.print(told, soft_wrap=True, markup=False)
    places = (("Picture", found.picture), ("Page", found.page), ("Results", found.folder / "comparison.json"))
    for name, place in places:
        if place is not None:
            console.print(f"{name + ':':<9}{place}", soft_wrap=True, markup=False)
