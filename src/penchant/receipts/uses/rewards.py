"""Published cases of COALA's convex program."""

from __future__ import annotations

from typing import Any

import torch

from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.rewards.convex.operators import Gated
from penchant.rewards.convex.program import solve_program

__all__ = ["coala"]


@adapter("coala")
def coala(case: Case) -> dict[str, Any]:
    """The minimum of the program with given gates, and what it fits; v and w themselves need not be unique."""
    gated = Gated(*(torch.tensor(case.inputs[name], dtype=torch.float64) for name in ("X", "gates")))
    labels = torch.tensor(case.inputs["y"], dtype=torch.float64)
    given = case.params
    penalty = given.get("penalty", given.get("beta", 1e-3))
    found = solve_program(
        gated, labels, penalty=penalty, rho=given.get("rho", 0.1), iterations=20000, tolerance=1e-13, factored=True
    )
    positive, negative = (each.T.tolist() for each in found.weights)
    return {
        "objective": found.objective,
        "fitted": gated.fitted(found.weights).tolist(),
        "v": positive,
        "w": negative,
    }
