"""The grid of a study: which chains of training are run, on how many records each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penchant.training.studies.plans import AnyStudy, BudgetStudy, RegimeStudy, ScalingStudy

__all__ = ["Cell", "Step", "cells", "short_names", "spent"]


@dataclass(frozen=True)
class Step:
    """One training.

    Args:
        source: ``demonstrations`` or ``pairs``.
        count: of its records, the first in the order of the seed.
        recipe: keys of the recipe.
    """

    source: str
    count: int
    recipe: Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """One cell of the table with one seed.

    Args:
        row: name of its row.
        column: budget or size; 0 for the start before preference training.
        seed: of order and training.
        model: where the chain begins; None for the model of the study.
        steps: the chain; empty for the model itself.
        held_out: the file that it is measured on; None for that of the study.
    """

    row: str
    column: float
    seed: int
    model: str | None
    steps: tuple[Step, ...]
    held_out: str | None = None


def spent(budget: float, fraction: float, demonstration: float = 1.0, pair: float = 1.0) -> tuple[int, int]:
    """Demonstrations and pairs that a budget buys, never more than it.

    n_s = ⌊f B / c_s⌋,   n_p = ⌊(1 − f) B / c_p⌋

    Args:
        budget: B, above 0.
        fraction: f, the share for demonstrations, in [0, 1].
        demonstration: c_s.
        pair: c_p.

    Example:
        >>> spent(100, 0.25, pair=2.0)
        (25, 37)
    """
    near = 1e-9  # 0.1 · 30 is a little more than 3, and 0.7 · 10 a little less than 7
    return int(fraction * budget / demonstration + near), int((1 - fraction) * budget / pair + near)


def cells(study: AnyStudy) -> list[Cell]:
    """All cells, seed after seed, so that a study that is stopped early has whole tables.

    Args:
        study: the study.
    """
    return [each for seed in range(study.seeds) for each in _of_seed(study, seed)]


def _of_seed(study: AnyStudy, seed: int) -> list[Cell]:
    if isinstance(study, BudgetStudy):
        return _of_budgets(study, seed)
    return _of_regimes(study, seed) if isinstance(study, RegimeStudy) else _of_sizes(study, seed)


def _of_budgets(study: BudgetStudy, seed: int) -> list[Cell]:
    found = []
    for fraction in study.fractions:
        for budget in study.budgets:
            shown, compared = spent(budget, fraction, study.costs.demonstration, study.costs.pair)
            steps = [Step("demonstrations", shown, study.supervised), Step("pairs", compared, study.preference)]
            kept = tuple(each for each in steps if each.count)
            found.append(Cell(f"{fraction:.0%} demonstrations", budget, seed, None, kept))
    return found


def _of_regimes(study: RegimeStudy, seed: int) -> list[Cell]:
    found = []
    for name, regime in study.regimes.items():
        start = (Step("demonstrations", regime.demonstrations, study.supervised),) if regime.demonstrations else ()
        found.append(Cell(f"{name}, start", 0, seed, regime.model, start))
        for method in study.methods:
            own = study.preference.get("objective", {})
            kept = own if isinstance(own, dict) and own.get("name") == method else {}
            recipe = {**study.preference, "objective": {**kept, "name": method}}
            for size in study.sizes:
                chain = (*start, Step("pairs", size, recipe))
                found.append(Cell(f"{name}, {method}", size, seed, regime.model, chain))
    return found


def short_names(models: Sequence[str]) -> list[str]:
    """The last part of each model's place, or the whole place where two are the same.

    Example:
        >>> short_names(["models/small", "models/large"]), short_names(["a/model", "b/model"])
        (['small', 'large'], ['a/model', 'b/model'])
    """
    found = [Path(each).name for each in models]
    return found if len(set(found)) == len(found) else list(models)


def _of_sizes(study: ScalingStudy, seed: int) -> list[Cell]:
    return [
        Cell(f"{name}, {kind}", size, seed, model, (Step("pairs", size, study.preference),), held_out)
        for name, model in zip(short_names(study.models), study.models, strict=True)
        for kind, held_out in study.sets.items()
        for size in study.sizes
    ]
