"""``penchant search``: adapters of many sizes and places, and those that none beats."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli.options import JsonFile, Overwrite, TrustRemoteCode
from penchant.targets import claim_file
from penchant.terminal import echo, make_console
from penchant.writing import write_json

if TYPE_CHECKING:
    from penchant.training.search.searching import Found

__all__ = ["search"]


def search(
    plan: Annotated[Path, typer.Argument(metavar="PLAN.yaml", help="Recipe, space of adapters and budget.")],
    json_out: JsonFile = None,
    overwrite: Overwrite = False,
    trust_remote_code: TrustRemoteCode = False,
) -> None:
    """Search kinds, ranks and places of adapters: the best score at each number of trained weights (arXiv 2301.12132).

    A stopped search goes on when the same command is given again.
    """
    from penchant.training.search.plan import read_search

    if json_out is not None:
        claim_file(json_out, option="--json", overwrite=overwrite, inputs=[plan])
    read = read_search(plan)  # before the libraries are loaded: a mistyped key is said at once

    from penchant.likelihood.loading import load_model
    from penchant.training.search.searching import search as searched
    from penchant.training.search.space import layout_of

    layout = layout_of(load_model(str(read.recipe["model"])))
    found = searched(read, layout, lambda line: echo(line, err=True))
    _show(found)
    if json_out is not None:
        write_json(json_out, found.as_dict(), "The search", fix="Choose another path for --json.")


def _show(found: Found) -> None:
    from rich.table import Table

    first = found.evaluations[0]
    table = Table(title=f"Front of {len(found.evaluations)} evaluations")
    for heading, justify in (("trained weights", "right"), (found.measure, "right"), ("adapter", "left")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    table.add_row("0", f"{first.before:.4g}", "none")
    for each in found.front:
        table.add_row(f"{each.trained:,}", f"{each.score:.4g}", _words(each.configuration))
    make_console(highlight=False).print(table)
    echo(f"Hypervolume above the untrained model: {found.volumes[-1]:.4g} (after the first: {found.volumes[0]:.4g})")
    if found.exhausted:
        echo("Every configuration of the space was evaluated.")
    for each in found.front:
        echo(f"{each.trained:,} weights: {each.run}")


def _words(configuration: dict[str, object]) -> str:
    layers = [name.removeprefix("layer ") for name, value in configuration.items() if name.startswith("layer ")]
    on = [number for number in layers if configuration[f"layer {number}"]]
    parts = [f"{name} {value}" for name, value in configuration.items() if not name.startswith(("layer ", "key "))]
    further = [f"{name[4:]} {value}" for name, value in configuration.items() if name.startswith("key ")]
    return "; ".join([*parts, *([f"layers {', '.join(on)}"] if layers else []), *further])
