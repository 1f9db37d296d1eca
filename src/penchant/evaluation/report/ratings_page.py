"""Pages of `penchant leaderboard` and `penchant prefeval`: ratings with intervals, and accuracy over turns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator

from penchant.evaluation.prefeval import ERRORS
from penchant.evaluation.report.curves import Chart
from penchant.evaluation.report.drawing import RUN_COLOURS, colour, draw
from penchant.evaluation.report.interval_chart import interval_chart
from penchant.evaluation.report.quantities import fixed
from penchant.evaluation.report.table_page import write_table
from penchant.terminal import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from penchant.evaluation.leaderboards.leaderboard import Leaderboard
    from penchant.evaluation.preference_following.protocol import Point
    from penchant.statistics import Interval

__all__ = ["write_leaderboard", "write_prefeval"]

#: Most models of a chart; the table has all.
DRAWN = 40
_RATED = (
    "400 points more are odds of ten. The rank is 1 + the number of models whose interval lies above; models whose "
    "intervals overlap are not ordered. Intervals are 95 % bootstrap intervals over votes."
)
_FOLLOWED = (
    "Accuracy: share of tasks in which the preference is followed, 0 to 100 %, higher is better; for choices 25 % is "
    "chance. Errors and accuracy of written answers add up to 100 %. Turns: exchanges between preference and question. "
    "Left out: tasks without a readable verdict, or too long for the model. Intervals hold with 95 %."
)


def write_leaderboard(found: Leaderboard, votes: int, path: Path) -> Path:
    """Write the page of a leaderboard: one file without links, everything in it escaped.

    Args:
        found: the ratings, best first.
        votes: their number.
        path: of the page.

    Raises:
        OutputError: it cannot be written.
    """
    rows = [
        (
            row["model"],
            str(row["rank"]),
            fixed(row["rating"], 0),
            f"{fixed(row['low'], 0)} to {fixed(row['high'], 0)}",
            str(row["games"]),
            fixed(100 * row["wins"], 1),
        )
        for row in found.rows
    ]
    lines = [f"Style {name}: {value:+.3f} logits a standard deviation." for name, value in found.style.items()]
    bars = [(str(row["model"]), row["rating"], row["low"], row["high"]) for row in found.rows[:DRAWN]]
    note = f"The first {DRAWN} of {len(rows)} models" if len(rows) > DRAWN else "Lines: 95 % intervals"
    headings = ("model", "rank", "rating", "95 %", "games", "wins, %")
    return write_table(
        path,
        "Leaderboard",
        f"{counted(len(rows), 'model')}, {counted(votes, 'vote')}",
        (headings, rows),
        [*lines, *found.notes],
        lead=_RATED,
        charts=[interval_chart("Ratings", bars, "rating, points", note=note)],
    )


def write_prefeval(points: Sequence[Point], tasks: int, model: str, path: Path) -> Path:
    """Write the page of PrefEval, with a curve over the turns for each kind of task.

    Args:
        points: what was measured.
        tasks: their number.
        model: as named by the user.
        path: of the page.

    Raises:
        OutputError: it cannot be written.
    """
    kinds = list(dict.fromkeys(each.task for each in points))
    errors = ERRORS if "generation" in kinds else ()
    headings = ("task and method", "turns", "accuracy, %", "95 %", *(f"{each}, %" for each in errors), "left out")
    rows = [_row(each, errors) for each in points]
    return write_table(
        path,
        "Preferences stated some turns ago",
        f"{counted(tasks, 'task')}, {model}",
        (headings, rows),
        lead=_FOLLOWED,
        charts=[chart for kind in kinds if (chart := _curve(kind, points)) is not None],
    )


def _row(point: Point, errors: Sequence[str]) -> tuple[str, ...]:
    def share(name: str) -> str:
        return fixed(100 * point.figures[name].value, 1) if name in point.figures else ""

    found = point.figures.get("accuracy")
    interval = "" if found is None else f"{fixed(100 * found.low, 1)} to {fixed(100 * found.high, 1)}"
    left_out = str(point.unread + point.too_long)
    name = f"{point.task}, {point.method}"
    return (name, str(point.turns), share("accuracy"), interval, *map(share, errors), left_out)


def _curve(kind: str, points: Sequence[Point]) -> Chart | None:
    """Accuracy over the turns of one kind of task, a line for each method; None where nothing was measured."""
    lines: dict[str, list[tuple[int, Interval]]] = {}
    for each in points:
        if each.task == kind and "accuracy" in each.figures:
            lines.setdefault(each.method, []).append((each.turns, each.figures["accuracy"]))
    if not lines:
        return None
    shades = dict(zip(lines, RUN_COLOURS, strict=False))
    svg = draw(
        f"curve-{kind}",
        f"Accuracy of the {kind} task over turns",
        partial(_paint_curve, lines=lines, shades=shades, chance=25.0 if kind == "choice" else None),
    )
    title = {"choice": "Choice among four options", "generation": "Written answers"}.get(kind, kind)
    note = "Dashed: chance" if kind == "choice" else "Lines: 95 % intervals"
    return Chart(title, svg, tuple(shades.items()), note)


def _paint_curve(
    axes: list[Axes],
    lines: dict[str, list[tuple[int, Interval]]],
    shades: dict[str, str],
    chance: float | None,
) -> None:
    one = axes[0]
    width = 0.01 * max(1, max(turns for own in lines.values() for turns, _found in own))
    for place, (name, own) in enumerate(lines.items()):
        # Beside each other, so that no interval hides another one.
        at = [turns + (place - (len(lines) - 1) / 2) * width for turns, _found in sorted(own)]
        found = [each for _turns, each in sorted(own)]
        ink = colour(shades[name])
        one.vlines(at, [100 * each.low for each in found], [100 * each.high for each in found], color=ink, alpha=0.5)
        one.plot(at, [100 * each.value for each in found], marker="o", markersize=3.5, color=ink, linewidth=1.4)
    if chance is not None:
        one.axhline(chance, color=colour("muted"), linewidth=0.8, linestyle=(0, (3, 2)))
    one.set_ylim(-2, 102)
    one.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    one.set_xlabel("exchanges between preference and question")
    one.set_ylabel("accuracy, %")
