"""Runs in several parts of about equal length, each with its own schedule of learning rates."""

from __future__ import annotations

from typing import Any

__all__ = ["place_in_part", "repeated"]


def place_in_part(step: int, steps: int, parts: int) -> tuple[int, int]:
    """Which part of a run a step belongs to, and how many steps of the part come before it.

    Args:
        step: steps done before.
        steps: of the run.
        parts: number of parts; their lengths differ by at most one step.

    Example:
        >>> [place_in_part(step, 5, 2) for step in range(5)]
        [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)]
    """
    part = max(each for each in range(parts) if each * steps // parts <= step)
    return part, step - part * steps // parts


def repeated(schedule: Any, steps: int, parts: int) -> Any:
    """A schedule of one part, as one that begins anew in each part.

    Args:
        schedule: a ``LambdaLR``; changed in place.
        steps: of the run.
        parts: number of parts.
    """

    def of_part(rate: Any) -> Any:
        return lambda step: rate(place_in_part(step, steps, parts)[1])

    schedule.lr_lambdas = [of_part(rate) for rate in schedule.lr_lambdas]
    return schedule
