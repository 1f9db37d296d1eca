"""How differently people weigh the features of texts, printed, for ``penchant diagnose --people``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from penchant.diagnostics.features.people import People

__all__ = ["show_people"]

#: Rows of the table.
_SHOWN = 10


def show_people(found: People, console: Console) -> None:
    """Print the features on which people differ most surely, and how well a few labels predict the others of a person.

    Args:
        found: to print.
        console: to print on.
    """
    from rich.table import Table

    from penchant.cli.narrow import print_fitted
    from penchant.evaluation.report.people_table import few_table, people_table

    figures = found.as_dict()
    weighed = f"How differently the {len(found.names)} values of {found.by} weigh features"
    few = "Area under the ROC curve on the held-out labels of each person, by whose weights predict them"
    for title, (headings, rows) in ((weighed, people_table(figures, _SHOWN)), (few, few_table(figures))):
        if not rows:
            continue
        table = Table(title=title, title_justify="left")
        for place, heading in enumerate(headings):
            table.add_column(heading, justify="right" if place > 1 else "left")
        for row in rows:
            table.add_row(*row)
        print_fitted(console, table)
