"""Findings for readers: a table in the terminal and a page in a browser."""

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

#: The verdicts, with the tone of the page and the colour of the terminal.
VERDICTS = {
    "reproduced": ("good", "green"),
    "not reproduced": ("bad", "red"),
    "inconclusive": ("unknown", "yellow"),
}


def interval_of(effect: Row) -> str:
    """An effect with its interval, as ``0.300 [0.200, 0.400]``."""
    return str(Interval(effect["value"], effect["low"], effect["high"]))


def summary_of(rows: Sequence[Row]) -> str:
    """How many claims of each verdict.

    Example:
        >>> summary_of([{"verdict": "reproduced"}])
        '1 claim: 1 reproduced, 0 not reproduced, 0 inconclusive'
    """
    counts = Counter(row["verdict"] for row in rows)
    parts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS)
    return f"{len(rows)} claim{'' if len(rows) == 1 else 's'}: {parts}"


def claims_table(rows: Sequence[Row]) -> Table:
    """The findings as a table for the terminal.

    Args:
        rows: of `penchant.lab.claims.results`.
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
    """Write the findings as one self-contained HTML page with a picture for each claim.

    Args:
        rows: of `penchant.lab.claims.results`.
        output: the file; an earlier page there is replaced.

    Returns:
        The file.

    Raises:
        OutputError: it cannot be written.
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
