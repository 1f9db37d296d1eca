"""Published cases of weight attribution, projections and sparse masks."""

from __future__ import annotations

from typing import Any

import torch

from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.training.parameters.attribution import attribution, top_share
from penchant.training.parameters.lottery import grown_mask
from penchant.training.parameters.projection import initial_directions, projected

__all__ = ["lottery_ticket", "mrp", "wagle"]


@adapter("wagle")
def wagle(case: Case) -> dict[str, Any]:
    """Attribution scores and the mask of the weights that move."""
    tables = {
        kind: {name: torch.tensor(values, dtype=torch.float64) for name, values in case.inputs[kind].items()}
        for kind in ("weights", "forget_gradient", "retain_gradient")
    }
    scores = {
        name: attribution(weights, tables["forget_gradient"][name], tables["retain_gradient"][name], case.params["mu"])
        for name, weights in tables["weights"].items()
    }
    masks = top_share(scores, case.params["ratio"])
    return {
        "attribution": {name: each.tolist() for name, each in scores.items()},
        "mask": {name: each.int().tolist() for name, each in masks.items()},
    }


@adapter("lt-sft")
def lottery_ticket(case: Case) -> dict[str, Any]:
    """The mask after the weights that changed most have joined it, 1 where a weight moves."""
    before, after = (
        {name: torch.tensor(values, dtype=torch.float64) for name, values in case.inputs[kind].items()}
        for kind in ("original", "after_full_finetuning")
    )
    given = case.inputs.get("mask_before") or {name: torch.zeros_like(each).tolist() for name, each in before.items()}
    mask = {name: torch.tensor(values).bool() for name, values in given.items()}
    grown = grown_mask(before, after, mask, case.params["k"])
    return {"mask": {name: each.int().tolist() for name, each in grown.items()}}


@adapter("mrp")
def mrp(case: Case) -> dict[str, Any]:
    """The initial projector of the published code, and projected hidden states."""
    given = {name: torch.tensor(values, dtype=torch.float32) for name, values in case.inputs.items()}
    own = initial_directions(given["unlearn_hidden"], given["retain_hidden"], case.params["dimension"], "official")
    before = given["previous_directions"].reshape(-1, own.shape[1])
    hidden = projected(given["hidden"], torch.cat([before, own]))
    return {"init_projector": (own.T @ own).tolist(), "projected_hidden": hidden.tolist()}
