"""Results of claims as a terminal table and as an HTML page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penchant.evaluation.report.page import render, save
from penchant.lab.claims.pictures import arms_picture, effect_picture
from penchant.statistics import Interval

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["VERDICTS", "claims_table", "interval_of", "summary_of", "write_claims_page"]

Row = Mapping[str, Any]

#: The verdicts, with their style in HTML and colour in the terminal.
VERDICTS = {
    "reproduced": ("good", "green"),
    "not reproduced": ("bad", "red"),
    "inconclusive": ("unknown", "yellow"),
}


def interval_of(effect: Row) -> str:
    """An effect with its interval as text, such as ``0.300 [0.200, 0.400]``."""
    return str(Interval(effect["value"], effect["low"], effect["high"]))


def summary_of(rows: Sequence[Row]) -> str:
    """The number of claims per verdict as text.

    Example:
        >>> summary_of([{"verdict": "reproduced"}])
        '1 claim: 1 reproduced, 0 not reproduced, 0 inconclusive'
    """
    counts = Counter(row["verdict"] for row in rows)
    parts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS)
    return f"{len(rows)} claim{'' if len(rows) == 1 else 's'}: {parts}"


def claims_table(rows: Sequence[Row]) -> Table:
    """The results as a terminal table.

    Args:
        rows: rows of `penchant.lab.claims.results`.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for name in ("claim", "effect", "value [95 % interval]", "claimed", "verdict", "seconds"):
        table.add_column(name, justify="right" if name in ("claimed", "seconds") else "left")
    for row in rows:
        for place, effect in enumerate(row["effects"]):
            first = row["id"] if place == 0 else ""
            seconds = f"{row['seconds']:.1f}" if place == 0 else ""
            verdict = Text(effect["verdict"], style=VERDICTS[effect["verdict"]][1])
            cells = [first, effect["difference"], interval_of(effect), effect["promise"]]
            table.add_row(*map(Text, cells), verdict, seconds)
    return table


def write_claims_page(rows: Sequence[Row], output: Path) -> Path:
    """Write the results as a self-contained HTML page with a plot per claim.

    Args:
        rows: rows of `penchant.lab.claims.results`.
        output: the file; an existing page is replaced.

    Returns:
        The file.

    Raises:
        OutputError: the file cannot be written.
    """
    shown = [
        {
            **row,
            "tone": VERDICTS[row["verdict"]][0],
            "picture": arms_picture(row),
            "effects": [
                {**each, "interval": interval_of(each), "picture": effect_picture(each)} for each in row["effects"]
            ],
        }
        for row in rows
    ]
    values = {"title": "Claims of papers in small worlds", "subtitle": summary_of(rows), "rows": shown}
    return save(render("claims.html", values), output)
