"""The page of `penchant evaluate`: figures of checkpoints, the frontier of reward and divergence, and responses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import MaxNLocator

from penchant.evaluation.fronts import reward_frontier
from penchant.evaluation.report.curves import Chart
from penchant.evaluation.report.drawing import colour, draw
from penchant.evaluation.report.page import render, save
from penchant.evaluation.report.quantities import fixed, number
from penchant.terminal import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from penchant.evaluation.policies.judging import Judged

__all__ = ["HEADINGS", "figure_rows", "on_frontier", "write_evaluation"]

HEADINGS = ("checkpoint", "win rate, %", "95 %", "score", "KL, nats", "95 %", "front", "characters")
SHOWN = 20
_LEAD = (
    "Win rate: mean probability that the judge prefers the checkpoint's response to the reference's; 50 % is the "
    "reference, higher is better. KL: divergence from the reference by the checkpoint's own samples at temperature 1, "
    "in nats per response up to the length limit; smaller means nearer. Front: no other checkpoint has more reward for "
    "less divergence. Intervals are 95 % bootstrap intervals over prompts, of which one gives none; checkpoints whose "
    "intervals overlap may not differ."
)
_CHART_LEAD = (
    "A checkpoint further to the right has moved further from the reference. Reward that no longer rises with the "
    "divergence, or falls, shows over-optimisation; compare it with a judge that was not trained against. Numbers are "
    "the rows of the table, the ring is the reference."
)


def on_frontier(found: Sequence[Judged]) -> set[int]:
    """The places of the checkpoints that have the most reward for their divergence; empty where one is not measured.

    The reward is the judge's score, or the win rate of a judge that gives none.

    Args:
        found: what the judge says of each checkpoint.
    """
    rewards = _rewards(found)
    if rewards is None or any(each.divergence is None for each in found):
        return set()
    return set(reward_frontier([each.divergence.value for each in found if each.divergence], rewards[1]))


def figure_rows(found: Sequence[Judged]) -> list[tuple[str, ...]]:
    """The figures of each checkpoint and of the reference as text, under `HEADINGS`.

    Args:
        found: what the judge says of each checkpoint, at least one.
    """
    front = on_frontier(found)
    rows = []
    for place, each in enumerate(found):
        wins = ("", "")
        if each.wins is not None:
            between = each.wins.interval
            wins = (fixed(each.wins.rate, 1), f"{fixed(between.low, 1)} to {fixed(between.high, 1)}")
        apart = ("", "")
        if (kl := each.divergence) is not None:
            known = math.isfinite(kl.low)
            apart = (fixed(kl.value, 2), f"{fixed(kl.low, 2)} to {fixed(kl.high, 2)}" if known else "one prompt")
        score = "" if each.score is None else number(each.score)
        rows.append((each.name, *wins, score, *apart, "yes" if place in front else "", fixed(each.length, 0)))
    first = found[0]
    score = "" if first.reference_score is None else number(first.reference_score)
    nothing = "0.00" if first.divergence is not None else ""
    return [*rows, ("reference", "50.0", "", score, nothing, "", "", fixed(first.reference_length, 0))]


def write_evaluation(
    found: Sequence[Judged],
    path: Path,
    *,
    prompts: Sequence[str],
    reference: str,
    reference_responses: Sequence[str],
    judge: str,
) -> Path:
    """Write the page: one file without links, everything in it escaped.

    Args:
        found: what the judge says of each checkpoint, at least one.
        path: of the page.
        prompts: as text; the first of them are shown with the responses.
        reference: name of the model that was compared with.
        reference_responses: its responses.
        judge: as named by the user.

    Raises:
        OutputError: it cannot be written.
    """
    shown = range(min(SHOWN, len(prompts)))
    values = {
        "title": "Evaluation",
        "subtitle": f"{counted(len(prompts), 'prompt')}, against {reference}, judged by {judge}",
        "lead": _LEAD,
        "headings": HEADINGS,
        "rows": figure_rows(found),
        "texts": (),
        "charts": _charts(found),
        "chart_lead": _CHART_LEAD,
        "samples": [
            {
                "prompt": prompts[place],
                "said": [
                    ("reference", reference_responses[place]),
                    *((each.name, each.responses[place]) for each in found),
                ],
            }
            for place in shown
        ],
    }
    return save(render("evaluation.html", values), path)


def _rewards(found: Sequence[Judged]) -> tuple[str, list[float]] | None:
    scores = [each.score for each in found if each.score is not None]
    if len(scores) == len(found):
        return "mean score of the judge", scores
    rates = [each.wins.rate for each in found if each.wins is not None]
    return ("win rate, %", rates) if len(rates) == len(found) else None


def _charts(found: Sequence[Judged]) -> list[Chart]:
    rewards = _rewards(found)
    if rewards is None or any(each.divergence is None for each in found):
        return []
    svg = draw("frontier", "Reward over divergence from the reference", partial(_paint, found=found, rewards=rewards))
    several = len(on_frontier(found)) > 1
    return [Chart("Reward and divergence", svg, note="The line joins the checkpoints on the front" if several else "")]


def _paint(axes: list[Axes], found: Sequence[Judged], rewards: tuple[str, list[float]]) -> None:
    one, (unit, reward) = axes[0], rewards
    places: list[Any] = [each.divergence for each in found]
    middle = [each.value for each in places]
    # The mean may lie just outside of a percentile interval.
    spread = [
        [max(0.0, each.value - each.low) for each in places],
        [max(0.0, each.high - each.value) for each in places],
    ]
    one.errorbar(middle, reward, xerr=spread, fmt="o", color=colour("accent"), markersize=4, linewidth=0.9)
    front = sorted(on_frontier(found), key=lambda place: middle[place])
    one.plot([middle[at] for at in front], [reward[at] for at in front], color=colour("accent"), linewidth=1.2)
    start = found[0].reference_score if unit.startswith("mean") else 50.0
    if start is not None:
        one.plot([0.0], [start], "o", color=colour("before"), markersize=7, fillstyle="none")
    for place, rows in _labels(list(zip(middle, reward, strict=True))).items():
        one.annotate(rows, place, textcoords="offset points", xytext=(4, 4), fontsize=7)
    one.xaxis.set_major_locator(MaxNLocator(4))
    one.set_xlabel("KL from the reference, nats per response")
    one.set_ylabel(unit)


def _labels(places: Sequence[tuple[float, float]]) -> dict[tuple[float, float], str]:
    """The rows of the table at each point; a run's last checkpoint and its model lie at one."""
    found: dict[tuple[float, float], list[str]] = {}
    for row, place in enumerate(places, start=1):
        found.setdefault(place, []).append(str(row))
    return {place: ", ".join(rows) for place, rows in found.items()}
