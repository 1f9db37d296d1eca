"""Published cases of losses that read a second pass."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence

from penchant.errors import ConfigurationError
from penchant.objectives.core.evaluate import evaluate_plainly
from penchant.objectives.functional.influence import influence_weights
from penchant.objectives.reference_free.ift import IFT
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case

__all__ = ["ift"]

#: Our names of hyper-parameters by their published names.
_NAMES = {
    "gamma": "discount",
    "lambda": "residual",
    "lam": "residual",
    "propagation_type": "influence",
    "propagation_norm": "norm",
    "propagation_side": "side",
}
_PASS = ("policy_second_pass", "residual_logp")


@adapter("ift")
def ift(case: Case) -> dict[str, Any]:
    """IFT: the weight of each token and the losses, from the log-probabilities of the second pass."""
    own = {_NAMES.get(name, name): value for name, value in case.params.items()}
    name = "chosen" if "chosen" in case.inputs else "responses"
    view = case.inputs[name]
    key = next((each for each in _PASS if each in view), "")
    if not key:
        raise ConfigurationError(f"The view {name!r} has no {_PASS[0]!r}.", where=case.method)
    objective = IFT(**own)
    if objective.side == "right" and len(view[key]) > 1:
        raise ValueError("On the right side the published code joins the responses of a batch; here each is alone.")
    found = evaluate_plainly(objective, {"chosen": {"policy": view[key], "residual_logp": view[key]}})
    rows = [torch.tensor(row, dtype=torch.float64) for row in view[key]]
    mask = pad_sequence([torch.ones_like(row) for row in rows], batch_first=True) > 0
    losses = pad_sequence([-row for row in rows], batch_first=True)
    weights = influence_weights(losses, mask, objective.discount, objective.influence, objective.norm, objective.side)
    return found | {
        "token_weights": [row[: len(own)].tolist() for row, own in zip(weights, rows, strict=True)],
        "grad": {f"{name}.{key}": found["grad"]["chosen.residual_logp"]},
    }
