"""``penchant bargain``: which additions groups agree on under a budget, beside what other rules choose."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from penchant.cli.options import JsonFile, Overwrite
from penchant.errors import DataError
from penchant.targets import claim_file
from penchant.terminal import make_console
from penchant.writing import write_json

if TYPE_CHECKING:
    from penchant.evaluation.bargaining import Package

__all__ = ["bargain"]


def bargain(
    designs: Annotated[
        Path, typer.Argument(metavar="FILE", help="Rows of name and utilities (by group); additions have a cost too.")
    ],
    budget: Annotated[float, typer.Option(min=0, help="The largest sum of costs.")],
    tolerance: Annotated[float, typer.Option(min=0, help="How far a group may fall below its start.")] = 0.0,
    swaps: Annotated[
        bool, typer.Option("--swaps", help="Groups may also propose that an addition takes another one's place.")
    ] = False,
    json_out: JsonFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Let groups bargain over additions to a base design; show total, worst group and Gini beside other rules."""
    if json_out is not None:
        claim_file(json_out, option="--json", overwrite=overwrite, inputs=[designs])
    from rich.table import Table

    from penchant.evaluation.bargaining import RULES, best_by_rule, negotiate, satisfaction
    from penchant.evaluation.fronts import gini, worst_group
    from penchant.feedback.files import sound_rows

    rows = list(sound_rows(designs))
    groups = _groups(rows, str(designs))
    bases, additions = ([row for row in rows if ("cost" in row) is wanted] for wanted in (False, True))
    starts, gains = (
        [[float(row["utilities"][each]) for each in groups] for row in part] for part in (bases, additions)
    )
    costs = [float(row["cost"]) for row in additions]
    found: dict[str, Package] = {
        "bargaining": negotiate(starts, gains, costs, budget, tolerance=tolerance, swaps=swaps)
    }
    found |= {rule: best_by_rule(rule, starts, gains, costs, budget) for rule in RULES}
    lowest = satisfaction([each.utilities for each in found.values()])
    table = Table("rule", "package", "total", "worst group", "20th percentile", "Gini", title=f"Budget {budget:g}")
    told = {}
    for (rule, each), share in zip(found.items(), lowest, strict=True):
        names = [str(bases[each.base]["name"]), *(str(additions[place]["name"]) for place in each.features)]
        name, least = worst_group({group: [own] for group, own in zip(groups, each.utilities, strict=True)})
        unequal = gini(each.utilities) if min(each.utilities) >= 0 and sum(each.utilities) > 0 else None
        shown = "not defined" if unequal is None else f"{unequal:.3f}"
        total = sum(each.utilities)
        table.add_row(rule, " + ".join(names), f"{total:g}", f"{name} {least:g}", f"{share:.2f}", shown)
        utilities = dict(zip(groups, each.utilities, strict=True))
        figures = {"total": total, "worst_group": name, "worst": least, "satisfaction": share, "gini": unequal}
        told[rule] = {"package": names, "utilities": utilities, **figures}
    console = make_console(highlight=False)
    console.print(table)
    steps = []
    for group, place, removed in found["bargaining"].transcript:
        instead = "" if removed is None else f" in place of {additions[removed]['name']}"
        steps.append(f"{groups[group]} proposes {additions[place]['name']}{instead}")
    console.print(f"Accepted: {'; '.join(steps) or 'nothing'}.", markup=False)
    if json_out is not None:
        write_json(json_out, {"rules": told, "accepted": steps}, "The bargaining")


def _groups(rows: list[dict[str, Any]], source: str) -> list[str]:
    """The names of the groups, which every row has to name."""
    groups: list[str] = []
    for number, row in enumerate(rows, start=1):
        own, cost = row.get("utilities"), row.get("cost", 1.0)
        numbers = [*own.values(), cost] if isinstance(own, dict) else ["none"]
        if "name" not in row or not all(isinstance(each, int | float) and each == each for each in numbers):
            raise DataError(
                "The row has no name, or no numbers as utilities and cost.",
                where=f"{source}:{number}",
                fix='Write {"name": "lamp", "cost": 2, "utilities": {"young": 1, "old": 3}}; a base has no cost.',
            )
        groups = groups or list(own)  # type: ignore[arg-type]
        if set(own) != set(groups):  # type: ignore[arg-type]
            raise DataError(f"The row has the groups {list(own)}, the first one {groups}.", where=f"{source}:{number}")  # type: ignore[arg-type]
    return groups
