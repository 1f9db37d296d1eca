"""The page of `penchant recommend evaluate`: measures of lists with intervals, and who is above whom."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from penchant.evaluation.report.curves import Chart
from penchant.evaluation.report.drawing import colour, draw
from penchant.evaluation.report.table_page import write_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from penchant.evaluation.recommendation.measuring import Measured
    from penchant.evaluation.recommendation.next_item import NextItem

__all__ = ["compared_lines", "list_rows", "write_recommendation"]

_LEAD = (
    "Each user's list is measured against the one item that the user took next. Hit: share of lists that hold it; NDCG "
    "and MRR: the higher it stands, the more it counts. All three are from 0 to 1, higher is better. Coverage: share "
    "of the catalogue that anybody is shown. Novelty: how rare the shown items are, in bits. Both are good only at "
    "equal relevance, since random lists are the most varied. Brackets are 95 % intervals over users; for who is "
    "better read the lines below the table, which compare the same users."
)


def list_rows(found: Measured, k: int) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Headings, and the measures of each recommender as text.

    Args:
        found: the measures.
        k: length of the lists.
    """
    heading: tuple[str, ...] = ("", f"Hit@{k}", f"NDCG@{k}", f"MRR@{k}", "coverage", "novelty, bits")
    rows: list[tuple[str, ...]] = [
        (each.name, str(each.hit), str(each.ndcg), str(each.mrr), f"{each.coverage:.3f}", str(each.novelty))
        for each in found.rows
    ]
    return heading, rows


def compared_lines(found: Measured, k: int) -> list[str]:
    """A sentence for each model and baseline: above, below or not apart.

    Args:
        found: the measures.
        k: length of the lists.
    """
    lines = []
    for each in found.comparisons:
        verdict = "above" if each.better else "below" if each.difference.high < 0 else "not apart from"
        value, low, high = (
            f"{end:+.4f}".replace("-", "−")
            for end in (each.difference.value, each.difference.low, each.difference.high)
        )
        lines.append(f"{each.name} is {verdict} {each.baseline}: NDCG@{k} {value} [{low}, {high}]")
    return lines


def write_recommendation(found: Measured, path: Path, k: int, subtitle: str) -> Path:
    """Write the page: one file without links, everything in it escaped.

    Args:
        found: the measures.
        path: of the page.
        k: length of the lists.
        subtitle: what was measured.

    Raises:
        OutputError: it cannot be written.
    """
    charts = [
        _chart("ndcg", f"NDCG@{k}", "Higher: the next item is listed, and near the top", found.rows),
        _chart("hit", f"Hit@{k}", "Share of users whose list holds the next item", found.rows),
    ]
    lines = compared_lines(found, k)
    return write_table(
        path, "Recommended lists", subtitle, list_rows(found, k), lines, lead=_LEAD, charts=charts if found.rows else ()
    )


def _chart(measure: str, title: str, note: str, rows: Sequence[NextItem]) -> Chart:
    height = 0.7 + 0.26 * len(rows)
    svg = draw(measure, f"{title} of every recommender", partial(_paint, rows=rows, measure=measure), height=height)
    return Chart(title, svg, note=note)


def _paint(axes: list[Axes], rows: Sequence[NextItem], measure: str) -> None:
    one = axes[0]
    for place, each in enumerate(rows):
        own = getattr(each, measure)
        one.plot([own.low, own.high], [place] * 2, color=colour("accent"), linewidth=1.4, alpha=0.55)
        one.plot([own.value], [place], "D", color=colour("accent"), markersize=5.5, markeredgewidth=0)
    one.set_yticks(range(len(rows)), [each.name for each in rows])
    one.set_ylim(len(rows) - 0.5, -0.5)
    one.set_xlim(left=0)
    one.grid(False, axis="y")
    one.grid(True, axis="x")
