"""``penchant recommend-metrics``: relevance, fairness, use of the catalogue and DPFR of recommended lists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from penchant.cli.options import Overwrite
from penchant.terminal import echo, make_console

if TYPE_CHECKING:
    from penchant.evaluation.recommendation.measured import MeasuredLists

__all__ = ["recommend_metrics"]


def recommend_metrics(
    lists: Annotated[
        list[Path], typer.Argument(help="Files of recommended lists, one per system: lines with user and items.")
    ],
    interactions: Annotated[
        Path, typer.Option(help="What users took: lines with user, items in time order, and relevant or split.")
    ],
    k: Annotated[int, typer.Option("-k", min=1, help="Length at which lists are cut.")] = 10,
    last: Annotated[int, typer.Option(min=1, help="Items per user that are the test, where none are given.")] = 1,
    pair: Annotated[
        list[str] | None, typer.Option(help="A relevance and a fairness measure for the frontier: NDCG,Gini_our.")
    ] = None,
    alpha: Annotated[
        float, typer.Option(min=0, max=1, help="Place of the reference point, from relevant (0) to fair (1).")
    ] = 0.5,
    points: Annotated[int, typer.Option(min=0, help="Points that estimate the frontier; 0 computes all of it.")] = 10,
    json_: Annotated[Path | None, typer.Option("--json", help="Also write the measures to this file.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Measure recommended lists: relevance, fairness, coverage, novelty, and the distance to their Pareto frontier."""
    from penchant.errors import ConfigurationError
    from penchant.targets import claim_file

    pairs = [_pair(text) for text in pair or []]
    names = [path.name.partition(".")[0] for path in lists]
    if len(set(names)) < len(names):
        raise ConfigurationError(
            f"Two files of lists have the name {next(each for each in names if names.count(each) > 1)!r}.",
            fix="Name each file after its system.",
        )
    if json_ is not None:
        claim_file(json_, option="--json", overwrite=overwrite, inputs=[*map(str, lists), str(interactions)])
    from penchant.evaluation.recommendation.interactions import read_interactions, read_lists
    from penchant.evaluation.recommendation.measured import PAIRS, measure_lists

    systems = {name: read_lists(path) for name, path in zip(names, lists, strict=True)}
    taken = read_interactions(interactions, last=last)
    found = measure_lists(systems, taken, k=k, pairs=pairs or PAIRS, alpha=alpha, points=points or None)
    _show(found, len(taken.users), len(taken.numbers))
    if json_ is not None:
        _write(found, json_)


def _pair(text: str) -> tuple[str, str]:
    from penchant.errors import ConfigurationError

    relevance, _, fairness = text.partition(",")
    if not relevance or not fairness:
        raise ConfigurationError(
            f"{text!r} is not a pair of measures.", where="--pair", fix="Write --pair NDCG,Gini_our."
        )
    return relevance.strip(), fairness.strip()


def _show(found: MeasuredLists, users: int, items: int) -> None:
    from rich.table import Table

    from penchant.cli.narrow import print_fitted

    table = Table(title=f"{users} users, {items} items, k = {found.k}")
    table.add_column("measure")
    for system in found.measures:
        table.add_column(system, justify="right")
    table.add_column("better")
    for row in found.rows():
        values = [f"{row[system]:.4g}" for system in found.measures]
        table.add_row(row["measure"], *values, row["better"])
    console = make_console()
    print_fitted(console, table)
    for (relevance, fairness), (one, other) in found.references.items():
        console.print(f"Reference point of {relevance} and {fairness}: {one:.4g}, {other:.4g}.", highlight=False)


def _write(found: MeasuredLists, path: Path) -> None:
    import math

    from penchant.writing import write_json

    def plain(value: float) -> float | None:
        return None if math.isnan(value) else value

    points = found.frontier.points if found.frontier else ()
    content = {
        "k": found.k,
        "measures": {
            system: {name: plain(value) for name, value in own.items()} for system, own in found.measures.items()
        },
        "references": {",".join(pair): list(point) for pair, point in found.references.items()},
        "frontier": [{name: plain(value) for name, value in point.items()} for point in points],
    }
    write_json(path, content, "The measures", fix="Give a writable file with --json.")
    echo(f"Measures: {path}")
