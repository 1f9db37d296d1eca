"""`Watch`: the held-out metric that a run follows, which values are better, and how often it is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from penchant.errors import ConfigurationError, nearest
from penchant.training.recipe import Recipe

__all__ = ["Watch", "check_metric", "measured_every", "saves", "watch_of"]

# Held-out measurements per run where the recipe asks for the best one and does not say how often to measure.
MEASUREMENTS = 10
# Schedules that follow a held-out metric.
FOLLOWING = ("reduce_lr_on_plateau", "greedy")


class Waiting(Protocol):
    """How many measurements there has been no improvement."""

    @property
    def waited(self) -> int: ...


@dataclass(frozen=True)
class Watch:
    """The metric that a run follows.

    Args:
        metric: its name in ``metrics.jsonl``.
        larger_is_better: which values are better; None if that is unknown, which `check_metric` refuses.
        keep: whether the run ends with the weights of the best measurement.
        patience: measurements without improvement after which the run ends; 0 for no limit.
        min_delta: smallest change that counts as an improvement.
    """

    metric: str
    larger_is_better: bool | None
    keep: bool
    patience: int = 0
    min_delta: float = 0.0

    def over(self, found: Waiting | None) -> bool:
        """Whether the run ends early."""
        return found is not None and 0 < self.patience <= found.waited


def _follows(recipe: Recipe) -> str:
    """The part of the recipe that needs a metric; empty if none does."""
    if recipe.keep == "best":
        return "keep=best"
    if recipe.early_stopping is not None:
        return "early_stopping"
    return f"schedule={recipe.schedule}" if recipe.schedule in FOLLOWING else ""


def watch_of(recipe: Recipe) -> Watch | None:
    """The metric that a recipe follows; None if it follows none.

    Raises:
        ConfigurationError: a metric is named, but not used.
    """
    if not _follows(recipe):
        if recipe.metric is not None:
            raise ConfigurationError(
                f"The metric {recipe.metric!r} is named, but nothing follows it.",
                where="metric",
                fix="Give keep=best or early_stopping, or remove metric.",
            )
        return None
    metric, stopping = recipe.metric or "loss", recipe.early_stopping
    keep = recipe.keep == "best"
    larger = _larger_is_better(metric, recipe.metric_goal)
    if stopping is None:
        return Watch(metric, larger, keep)
    return Watch(metric, larger, keep, stopping.patience, stopping.min_delta)


def _larger_is_better(metric: str, goal: str | None) -> bool | None:
    from penchant.evaluation.report.quantities import quantity

    known = {"max": "up", "min": "down"}.get(goal or "") or quantity(metric).better
    return known == "up" if known else None


def check_metric(watch: Watch, measured: Mapping[str, float], *, few: bool = False) -> None:
    """Refuse a metric that the held-out measurement does not have.

    Args:
        watch: names the metric.
        measured: the held-out metrics before training.
        few: they are those of a few examples, which may lack a metric that others have, such as one of a label.

    Raises:
        ConfigurationError: there is no such metric (the message names the nearest), or it is unknown which values are
            better.
    """
    from penchant.evaluation.report.quantities import quantity

    if watch.metric not in measured and not (few and quantity(watch.metric).known):
        raise ConfigurationError(
            f"There is no held-out metric {watch.metric!r}. {nearest(watch.metric, measured)}",
            where="metric",
            why=f"This run measures {', '.join(sorted(measured))}.",
        )
    if watch.larger_is_better is None:
        raise ConfigurationError(
            f"It is not known whether a larger or a smaller value of {watch.metric!r} is better.",
            where="metric",
            fix="Say it with metric_goal=max or metric_goal=min.",
        )


def measured_every(recipe: Recipe, steps: int) -> int | None:
    """Steps between held-out measurements; None for measurements before and after training alone.

    Args:
        recipe: may name the number, or a metric to follow, which needs measurements.
        steps: length of the run.
    """
    if recipe.eval_every is not None or not _follows(recipe):
        return recipe.eval_every
    return max(1, -(-steps // MEASUREMENTS))


def saves(recipe: Recipe) -> bool:
    """Whether the run saves checkpoints."""
    return recipe.checkpoints != "none" and recipe.keep_checkpoints > 0
