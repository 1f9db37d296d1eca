"""Tables that fit the terminal: a table that is too wide is turned on its side, and divided if need be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

__all__ = ["as_texts", "fitted", "print_fitted"]

# Wider than any table, so that its own width can be measured.
UNLIMITED = 10_000


def print_fitted(console: Console, table: Table) -> None:
    """Print a table so that no cell is folded or cut, if the console is wide enough for its longest words.

    Args:
        console: the terminal, or what stands for it.
        table: headers with a unit have it on their second line.
    """
    for part in fitted(console, table):
        console.print(part)


def fitted(console: Console, table: Table) -> list[Table]:
    """The table itself if it fits; else the table on its side; else several tables with some of the columns each.

    Args:
        console: decides the width.
        table: its first column names its rows, and stands in every part.

    Example:
        >>> from rich.console import Console
        >>> from rich.table import Table
        >>> table = Table("objective", "accuracy", "margin", "time", title="two objectives")
        >>> table.add_row("dpo", "81.3 %", "0.41", "3 s"); table.add_row("ipo", "79.9 %", "0.22", "3 s")
        >>> [(len(each.columns), each.row_count) for each in fitted(Console(width=80), table)]
        [(4, 2)]
        >>> [(len(each.columns), each.row_count) for each in fitted(Console(width=33), table)]
        [(3, 3)]
        >>> [(len(each.columns), each.row_count) for each in fitted(Console(width=27), table)]
        [(2, 2), (2, 2), (2, 2)]
    """
    if _width(console, table) <= console.width:
        return [table]
    turned = _turned(table)
    if _width(console, turned) <= console.width:
        return [turned]
    parts: list[Table] = []
    places = list(range(1, len(table.columns)))
    while places:
        count = len(places)
        while count > 1 and _width(console, _some(table, places[:count])) > console.width:
            count -= 1
        parts.append(_some(table, places[:count], title=not parts))
        places = places[count:]
    return parts


def as_texts(table: Table) -> tuple[list[str], list[list[str]]]:
    """The headings and rows of a table as plain text, for a page.

    Args:
        table: of the terminal.

    Example:
        >>> from rich.table import Table
        >>> table = Table("objective", "accuracy\\nshare")
        >>> table.add_row("dpo", "0.8")
        >>> as_texts(table)
        (['objective', 'accuracy, share'], [['dpo', '0.8']])
    """
    columns = [[str(cell) for cell in column.cells] for column in table.columns]
    return [str(_in_one_line(each.header)) for each in table.columns], [list(row) for row in zip(*columns, strict=True)]


def _turned(table: Table) -> Table:
    """The table with its columns as rows."""
    from rich.table import Table

    heads, *columns = [list(column.cells) for column in table.columns]
    turned = Table(title=table.title)
    turned.add_column(_in_one_line(table.columns[0].header))
    for head in heads:
        turned.add_column(head, justify="right")
    for column, cells in zip(table.columns[1:], columns, strict=True):
        turned.add_row(_in_one_line(column.header), *cells)
    return turned


def _some(table: Table, places: Sequence[int], *, title: bool = False) -> Table:
    """The table's first column with some of the others."""
    from rich.table import Table

    kept = [table.columns[place] for place in (0, *places)]
    part = Table(title=table.title if title else None)
    for column in kept:
        part.add_column(column.header, justify=column.justify)
    for row in zip(*(column.cells for column in kept), strict=True):
        part.add_row(*row)
    return part


def _in_one_line(header: RenderableType) -> RenderableType:
    """A header without line breaks: ``KL, nats``."""
    return ", ".join(header.split("\n")) if isinstance(header, str) else header


def _width(console: Console, table: Table) -> int:
    """The width of a table in which nothing is folded, its title aside."""
    return console.measure(table, options=console.options.update(width=UNLIMITED)).maximum
