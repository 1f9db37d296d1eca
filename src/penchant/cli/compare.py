"""``penchant compare``: several objectives on the same data, with several seeds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.interruption import interruptible
from penchant.cli.options import AllowOutside, RecipeWords, TrustRemoteCode
from penchant.cli.words import pairs, read_words
from penchant.errors import ConfigurationError
from penchant.known_settings import check_part_keys
from penchant.terminal import make_console
from penchant.training.recipe_keys import settings_by_objective

if TYPE_CHECKING:
    from penchant.training.compare import Compared

__all__ = ["compare"]


def compare(
    words: RecipeWords,
    objectives: Annotated[str, typer.Option(help="Methods or sums, separated by commas: dpo,ipo,dpo+0.2*nll.")],
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="ID.NAME=VALUE", help="Hyper-parameter of one objective.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Runs per objective; seeds count up from the recipe's seed.")] = 3,
    out: Annotated[Path, typer.Option("--out", "--output", "-o", help="Folder of the comparison.")] = Path(
        "runs/comparison"
    ),
    resume: Annotated[bool, typer.Option("--resume", help="Continue; finished runs are kept.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the comparison in the folder.")] = False,
    trust_remote_code: TrustRemoteCode = False,
    allow_outside: AllowOutside = False,
) -> None:
    """Train several objectives on the same data with several seeds, and compare them in a table, a plot and a page."""
    # Before torch loads: a mistyped key is said at once.
    recipe, names, settings = read_words(words, {}), _names(objectives), pairs(set_ or [], "--set")
    for name, own in settings_by_objective(settings, names).items():
        check_part_keys("objective", {"name": name, **own})

    from penchant.training.compare import compare_objectives
    from penchant.training.progress import ProgressReporter

    how: dict[str, Any] = {
        "seeds": seeds,
        "settings": settings,
        "resume": resume,
        "overwrite": overwrite,
    }
    with interruptible():
        found = compare_objectives(recipe, names, out, reporter=ProgressReporter(), **how)
    _show(found)
    if found.all_failed:
        raise typer.Exit(1)


def _names(objectives: str) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in objectives.split(",") if name.strip()))
    if len(names) < 2:
        raise ConfigurationError(
            f"--objectives names {len(names)} objective.",
            fix="Give two or more, such as dpo,ipo; for a single one use penchant train.",
        )
    return names


def _show(found: Compared) -> None:
    """Print the table, the failures and the output paths."""

    from penchant.cli.narrow import print_fitted
    from penchant.evaluation.report import failures, objectives_table

    console = make_console(highlight=False)
    print_fitted(console, objectives_table(found.results))
    for failure in failures(found.results):
        console.print(failure, soft_wrap=True, markup=False)
    places = (("Picture", found.picture), ("Page", found.page), ("Results", found.folder / "comparison.json"))
    for name, place in places:
        if place is not None:
            console.print(f"{name + ':':<9}{place}", soft_wrap=True, markup=False)
