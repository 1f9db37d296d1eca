"""Published cases of losses with per-token statistics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from penchant.objectives.core.expression import build
from penchant.objectives.core.scored import Scored
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.receipts.implicit_rewards import evaluate_with_rewards
from penchant.receipts.plain import plain

__all__ = ["sequential", "wpo"]


@adapter("wpo")
def wpo(case: Case) -> dict[str, Any]:
    """WPO: full token distributions as logits, and the reference as one number per response."""
    if "policy_logits" not in case.inputs["chosen"]:
        return plain(case.method, case.params, case.inputs)
    views, leaves = {}, {}
    for side in ("chosen", "rejected"):
        views[side], leaves[side] = _view_of_logits(case.inputs[side])
    result = build(case.method, **case.params)(**views)
    loss = result.values.mean()
    gradients = torch.autograd.grad(loss, list(leaves.values()))
    grad = {
        f"{side}.policy_logits": [
            row[: len(each)].tolist() for row, each in zip(gradient, case.inputs[side]["tokens"], strict=True)
        ]
        for side, gradient in zip(leaves, gradients, strict=True)
    }
    weights = result.statistics["weight"].tolist()
    return {"weights": weights, "losses": result.values.tolist(), "loss": loss.item(), "grad": grad}


@adapter("tdpo1", "tdpo2")
def sequential(case: Case) -> dict[str, Any]:
    """TDPO, with the divergence at each position as an input, or with both distributions as logits."""
    # The published record of the first form names the second form's weight, and gives none.
    own = {name: value for name, value in case.params.items() if value is not None}
    inputs = {
        side: {("reference_kl" if name == "position_kl" else name): each for name, each in view.items()}
        for side, view in case.inputs.items()
    }
    objective = build(case.method, **own)
    found = evaluate_with_rewards(objective, inputs, {side: f"{side}_rewards" for side in inputs})
    grad = {name.replace("reference_kl", "position_kl"): each for name, each in found["grad"].items()}
    for side, view in case.inputs.items():  # a divergence without gradient has none in our results
        grad.setdefault(f"{side}.position_kl", [[0.0] * len(row) for row in view["policy"]])
    return found | {"grad": grad} | {f"{side}_position_kl_sum": found[f"position_kl/{side}"] for side in inputs}


def _view_of_logits(given: Mapping[str, Any]) -> tuple[Scored, Tensor]:
    """A view with the statistics of its distributions, and the logits [R, T, V] for the gradients."""
    rows = [torch.tensor(each, dtype=torch.float64) for each in given["policy_logits"]]
    logits = pad_sequence(rows, batch_first=True).requires_grad_()
    tokens = pad_sequence([torch.tensor(each) for each in given["tokens"]], batch_first=True)
    mask = torch.arange(tokens.shape[1]) < torch.tensor([[len(each)] for each in rows])
    every = logits.log_softmax(-1)
    policy, distribution = every.gather(-1, tokens.unsqueeze(-1)).squeeze(-1), every.exp()
    reference = torch.zeros_like(policy)
    reference[:, 0] = torch.tensor(given["reference_sequence_logps"], dtype=torch.float64)
    stats = {"sum_p2": distribution.square().sum(-1), "max_p": distribution.amax(-1)}
    return Scored(policy, reference, mask, stats), logits
