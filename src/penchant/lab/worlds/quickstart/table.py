"""The results of the quickstart as terminal tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penchant.lab.worlds.quickstart.world import Outcome

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["show_outcome"]


def show_outcome(outcome: Outcome, console: Console, *, seconds: float, samples: int = 3) -> None:
    """Print figures with intervals, samples side by side, and the path of the report.

    Args:
        outcome: result of :func:`penchant.lab.worlds.quickstart.world.run_quickstart`.
        console: the console.
        seconds: duration of the quickstart.
        samples: number of samples to show.
    """
    from rich.table import Table

    found, judged = outcome.comparison, len(outcome.comparison.samples)
    figures = Table(title=f"True reward on {judged} new prompts, 95 % intervals", title_justify="left")
    figures.add_column("figure")
    for side in ("before", "after"):
        figures.add_column(side, justify="right")
    figures.add_row("true reward, in [-1, 1]", str(found.before), str(found.after))
    figures.add_row("gain in true reward", "", str(found.gain))
    figures.add_row("gain in standard deviations of the reward before", "", f"{found.gain.value / found.deviation:.2f}")
    figures.add_row("win rate against before, ties half", "", str(found.wins))
    figures.add_row("KL from the reference, nats per response", "0", str(found.kl))
    figures.add_row("grammatical sentences", *(f"{share:.0%}" for share in outcome.fluency))
    figures.add_row("distinct responses", "", f"{found.distinct:.0%}")
    console.print(figures)

    beside = Table(title="The same prompts, before and after", title_justify="left", show_lines=True)
    for column in ("prompt", "before", "after"):
        beside.add_column(column, ratio=1 if column == "prompt" else 2)
    for sample in found.samples[:samples]:
        cells = (f"{sample[side]}  ({sample[f'reward_{side}']:+.2f})" for side in ("before", "after"))
        beside.add_row(sample["prompt"], *cells)
    console.print(beside)
    console.print(f"Done in {seconds:.0f} s. The report:")
    console.print(str(outcome.report), markup=False, highlight=False, soft_wrap=True)
