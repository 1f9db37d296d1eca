"""Power laws of a study of sizes: how the loss of each set falls with the pairs, and with the model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from penchant.evaluation.power_law import power_law
from penchant.training.studies.cells import short_names
from penchant.training.studies.plans import ScalingStudy
from penchant.training.studies.running import Scored

__all__ = ["laws", "said_of_laws"]


def laws(study: ScalingStudy, found: Sequence[Scored]) -> list[dict[str, Any]]:
    """L(N) = (N / N_c)^(−α) for each set: over the pairs by model, and over the weights of models at the most pairs.

    All seeds are points of one fit. Models of one size have no law over the weights.

    Args:
        study: the study.
        found: its scored cells.
    """
    rows = []
    names = short_names(study.models)
    for kind in study.sets:
        own = [each for each in found if each.cell.row in {f"{name}, {kind}" for name in names}]
        for name in names:
            points = [(each.cell.column, -each.score) for each in own if each.cell.row == f"{name}, {kind}"]
            rows.append({"set": kind, "model": name, "over": "pairs", **_fitted(points)})
        last = [
            (float(each.parameters), -each.score)
            for each in own
            if each.parameters is not None and each.cell.column == max(study.sizes)
        ]
        if len({size for size, _loss in last}) > 1:
            rows.append({"set": kind, "model": None, "over": "weights", **_fitted(last)})
    return rows


def _fitted(points: Sequence[tuple[float, float]]) -> dict[str, Any]:
    law = power_law([size for size, _loss in points], [loss for _size, loss in points])
    low, high = law.interval
    return {"exponent": law.exponent, "low": low, "high": high, "scale": law.scale, "fit": law.fit}


def said_of_laws(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """One sentence for each law.

    Args:
        rows: of `laws`.

    Example:
        >>> row = {"set": "objective", "model": "small", "over": "pairs", "exponent": 0.2, "low": 0.1, "high": 0.3}
        >>> said_of_laws([{**row, "fit": 0.9}])
        ['objective, small: the loss falls with the pairs, α = 0.200 (0.100 to 0.300), R² = 0.90.']
    """
    found = []
    for row in rows:
        said = "falls" if row["low"] > 0 else "rises" if row["high"] < 0 else "shows no law"
        place = row["set"] if row["model"] is None else f"{row['set']}, {row['model']}"
        known = math.isfinite(row["low"])
        interval = f"({row['low']:.3f} to {row['high']:.3f})" if known else "(two points have no interval)"
        found.append(
            f"{place}: the loss {said} with the {row['over']}, α = {row['exponent']:.3f} {interval}, "
            f"R² = {row['fit']:.2f}."
        )
    return found
