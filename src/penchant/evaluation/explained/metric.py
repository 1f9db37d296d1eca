"""`Metric`, what a figure means, and the registry of all that are explained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from penchant.errors import ConfigurationError
from penchant.registry import Registry

__all__ = ["METRICS", "Metric", "metric_of"]


@dataclass(frozen=True)
class Metric:
    """A figure, explained.

    Args:
        name: under which it is listed.
        meaning: what it measures, one line.
        formula: how it is computed.
        span: its range and unit.
        better: which direction is better, and what chance or no effect is.
        reading: what to look at before believing it.
        shown: the commands or functions that give it.
        group: the table in which it stands.
    """

    name: str
    meaning: str
    formula: str
    span: str
    better: str
    reading: str
    shown: str
    group: str


#: All explained figures by name.
METRICS: Registry[Metric] = Registry("metric", "penchant.evaluation.explained")


def metric_of(name: str, given: Mapping[str, Any], group: str) -> Metric:
    """An entry of a table as a metric.

    Args:
        name: of the metric.
        given: the other fields of `Metric` but the group.
        group: the table.

    Raises:
        ConfigurationError: a field is missing, empty or unknown.

    Example:
        >>> metric_of("rate", {"meaning": "how often"}, "wins")
        Traceback (most recent call last):
        penchant.errors.ConfigurationError: wins: rate: The metric has no formula.
    """
    wanted = [each.name for each in fields(Metric) if each.name not in ("name", "group")]
    problem = next((f"has no {each}" for each in wanted if not str(given.get(each) or "").strip()), None)
    problem = problem or next((f"has an unknown field {each!r}" for each in given if each not in wanted), None)
    if problem:
        raise ConfigurationError(f"The metric {problem}.", where=f"{group}: {name}")
    return Metric(name=name, group=group, **{each: " ".join(str(given[each]).split()) for each in wanted})
