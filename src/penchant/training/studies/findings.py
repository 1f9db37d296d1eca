"""What the scores of a study say: the table, the best choices, and where one choice overtakes another."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from penchant.statistics import Interval, student_interval
from penchant.training.studies.laws import laws, said_of_laws
from penchant.training.studies.plans import AnyStudy, BudgetStudy, RegimeStudy, ScalingStudy
from penchant.training.studies.running import Scored

__all__ = ["crossing", "findings", "headings", "sentences", "table_rows"]

Means = Mapping[str, Mapping[float, Interval]]


def findings(study: AnyStudy, found: Sequence[Scored]) -> dict[str, Any]:
    """All scores, their means with 95 % t-intervals over seeds, and what follows from them.

    Args:
        study: the study.
        found: its scored cells.
    """
    values: dict[str, dict[float, list[float]]] = {}
    for each in found:
        score = -each.score if isinstance(study, ScalingStudy) else each.score  # a loss, whose logarithm is fitted
        values.setdefault(each.cell.row, {}).setdefault(each.cell.column, []).append(score)
    means = {row: {column: _interval(own) for column, own in cells.items()} for row, cells in values.items()}
    table = [
        {
            "row": row,
            "column": column,
            "mean": each.value,
            "low": each.low,
            "high": each.high,
            "values": values[row][column],
        }
        for row, cells in means.items()
        for column, each in cells.items()
    ]
    if isinstance(study, ScalingStudy):
        facts: dict[str, Any] = {"laws": laws(study, found)}
    else:
        facts = _of_budgets(study, means) if isinstance(study, BudgetStudy) else _of_regimes(study, means)
    return {"design": study.design, "study": study.model_dump(), "table": table, **facts}


def _interval(values: Sequence[float]) -> Interval:
    return student_interval(values) if len(values) > 1 else Interval.around(values[0], 0.0)


def crossing(columns: Sequence[float], lead: Sequence[float]) -> float | None:
    """Where a lead becomes positive and stays so, interpolated in the logarithm of the column.

    Args:
        columns: in ascending order, above 0.
        lead: one choice's score minus another's at each.

    Returns:
        The first column if the lead is positive everywhere; None if it is not positive at the end.

    Example:
        >>> crossing([1.0, 100.0], [-1.0, 1.0]), crossing([1.0, 100.0], [1.0, -1.0])
        (10.0, None)
    """
    if lead[-1] <= 0:
        return None
    last = max((place for place, each in enumerate(lead) if each <= 0), default=-1)
    if last < 0:
        return columns[0]
    low, high, share = columns[last], columns[last + 1], -lead[last] / (lead[last + 1] - lead[last])
    return round(math.exp(math.log(low) + share * math.log(high / low)), 6)


def _of_budgets(study: BudgetStudy, means: Means) -> dict[str, Any]:
    columns = sorted(set(study.budgets))
    rows = {fraction: f"{fraction:.0%} demonstrations" for fraction in study.fractions}
    best = {
        column: max(study.fractions, key=lambda each, column=column: means[rows[each]][column].value)  # type: ignore[misc]
        for column in columns
    }
    facts: dict[str, Any] = {"best_fraction": [{"budget": each, "fraction": best[each]} for each in columns]}
    lead = {each: [means[rows[each]][column].value for column in columns] for each in study.fractions}
    if 1 in lead:
        facts["crossings"] = [
            {
                "fraction": each,
                "budget": crossing(columns, [one - all_ for one, all_ in zip(own, lead[1], strict=True)]),
            }
            for each, own in lead.items()
            if each != 1
        ]
    some = sorted(each for each in study.fractions if 0 < each < 1)
    if 0 in lead and some:
        gaps = [one - none for one, none in zip(lead[some[0]], lead[0], strict=True)]
        facts["cold_start"] = [
            {"budget": column, "fraction": some[0], "gap": gap} for column, gap in zip(columns, gaps, strict=True)
        ]
    return facts


def _of_regimes(study: RegimeStudy, means: Means) -> dict[str, Any]:
    gains: list[dict[str, Any]] = []
    for name in study.regimes:
        start = means[f"{name}, start"][0].value
        for method in study.methods:
            own = {size: means[f"{name}, {method}"][size].value for size in study.sizes}
            best = max(own, key=lambda size, own=own: own[size])  # type: ignore[misc]
            gains.append({"regime": name, "method": method, "best_size": best, "gain": own[best] - start})
    winner = {
        name: max((each for each in gains if each["regime"] == name), key=lambda each: each["gain"])["method"]
        for name in study.regimes
    }
    return {"gains": gains, "best_method": winner, "mean_gain": fmean(each["gain"] for each in gains)}


def headings(results: Mapping[str, Any]) -> list[str]:
    """The columns of the table."""
    unit = "budget" if results["design"] == "budget" else "pairs"
    return ["", *(f"{unit} {each:g}" if each else "start" for each in _columns(results))]


def _columns(results: Mapping[str, Any]) -> list[float]:
    return sorted({each["column"] for each in results["table"]})


def table_rows(results: Mapping[str, Any]) -> list[list[str]]:
    """The table as text: mean ± half of the 95 % t-interval over seeds; of a single seed, its score."""
    rows: dict[str, dict[float, str]] = {}
    for each in results["table"]:
        half = (each["high"] - each["low"]) / 2
        text = f"{each['mean']:.3f}" + (f" ± {half:.3f}" if len(each["values"]) > 1 else "")
        rows.setdefault(each["row"], {})[each["column"]] = text
    return [[name, *(own.get(column, "") for column in _columns(results))] for name, own in rows.items()]


def sentences(results: Mapping[str, Any]) -> list[str]:
    """What follows from the table, as sentences."""
    if results["design"] == "scaling":
        return said_of_laws(results["laws"])
    if results["design"] == "regimes":
        gains = {(each["regime"], each["method"]): each["gain"] for each in results["gains"]}
        lines = [_most(name, method, gains[name, method]) for name, method in results["best_method"].items()]
        return [*lines, f"Mean gain of the best sizes over their starts: {results['mean_gain']:+.3f}."]
    lines = [f"Best share at {each['budget']:g}: {each['fraction']:.0%}." for each in results["best_fraction"]]
    for each in results.get("crossings", []):
        where = "nowhere" if each["budget"] is None else f"from a budget of {each['budget']:.4g} on"
        lines.append(f"{each['fraction']:.0%} demonstrations beat demonstrations alone {where}.")
    for each in results.get("cold_start", []):
        said = f"{each['fraction']:.0%} demonstrations against none: {each['gap']:+.3f}"
        lines.append(f"Cold start at {each['budget']:g}: {said}.")
    return lines


def _most(regime: str, method: str, gain: float) -> str:
    said = "gains most" if gain > 0 else "comes closest to the start, and no method gains"
    return f"{regime}: {method} {said} ({gain:+.3f})."
