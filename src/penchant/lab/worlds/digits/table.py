"""The results of the digits experiment as terminal tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from penchant.lab.worlds.digits.world import DigitsOutcome

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["show_digits"]


def show_digits(outcomes: Sequence[DigitsOutcome], console: Console, *, seconds: float) -> None:
    """Print figures with intervals for each reward, and the paths of the reports.

    Args:
        outcomes: results of :func:`penchant.lab.worlds.digits.run_digits`.
        console: the console.
        seconds: duration.
    """
    from rich.table import Table

    for found in outcomes:
        table = Table(title=f"Reward: {found.reward} (95 % intervals)", title_justify="left")
        table.add_column("figure")
        for side in ("before", "after"):
            table.add_column(side, justify="right")
        table.add_row("reward, 0 to 1", str(found.before), str(found.after))
        table.add_row("gain, from the same noise", "", str(found.gain))
        table.add_row("win rate against before, ties half", "", str(found.wins))
        table.add_row("classified as the requested class", *(f"{share:.0%}" for share in found.accuracy))
        floor, drift = f"{found.drift[1]:.2f} (two draws)", f"{found.drift[0]:.2f}"
        table.add_row("Fréchet distance from the reference", floor, drift)
        console.print(table)
    console.print(f"Done in {seconds:.0f} s. The reports, with digits side by side:")
    for found in outcomes:
        console.print(str(found.report), markup=False, highlight=False, soft_wrap=True)
