"""Published cases of losses of pairs without a reference."""

from __future__ import annotations

from typing import Any

from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.receipts.plain import plain

__all__ = ["rationale_orpo", "separated"]


@adapter("cpo", "cpo-simpo", "simpo")
def separated(case: Case) -> dict[str, Any]:
    """The preference loss of each pair, and the likelihood of the chosen responses apart.

    losses = the statistic ``preference``,   nll_loss = mean of the statistic ``nll``,   loss = all of it
    """
    found = plain(case.method, case.params, case.inputs)
    nll = found.pop("nll")
    return found | {"losses": found.pop("preference"), "nll_loss": sum(nll) / len(nll)}


@adapter("rationale-orpo", "rationale-orpo-simple")
def rationale_orpo(case: Case) -> dict[str, Any]:
    """What the published trainer subtracts from the likelihood term, so with the other sign."""
    found = plain(case.method, {**case.params, "nll_weight": 0.0}, case.inputs)
    grad = {name: [[-each for each in row] for row in rows] for name, rows in found["grad"].items()}
    return {"losses": [-each for each in found["losses"]], "loss": -found["loss"], "grad": grad}
