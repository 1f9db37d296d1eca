"""Published cases of judges for people who differ: PAL, MiCRo, gates over aspects (MJ-VIDEO), few-shot preferences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from penchant.objectives.core.evaluate import evaluate_plainly
from penchant.objectives.core.expression import build
from penchant.objectives.functional.gated_experts import Gated, criteria_loss, gated_rewards
from penchant.objectives.functional.ideal_points import (
    hinge,
    mixed_points,
    norm_excess,
    scaled_cosines,
    smooth_hinge,
    to_points,
    token_aggregate,
)
from penchant.objectives.functional.numerics import logsigmoid
from penchant.objectives.functional.pairs import logistic
from penchant.objectives.functional.preference_mixtures import mixture_loss
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.receipts.forms import form_of
from penchant.receipts.plain import plain

__all__ = ["fspo", "micro", "mj_video", "moe_reward", "pal"]

VIDEOS = ("video_0", "video_1")
# Ours, by the published loss type; both sum over tokens.
LOSSES = {"ipo": "ipo", "dpo": "dpo"}


def _tensor(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


# -- PAL --------------------------------------------------------------------------------------------------------------


def _pal_loss(case: Case, agreement: Tensor) -> Tensor:
    """Smooth with a width γ, a hinge with a margin, otherwise logistic."""
    margin = float(case.params.get("margin", 1.0))
    if "gamma" in case.params:
        return smooth_hinge(agreement, margin, float(case.params["gamma"]))
    return hinge(agreement, margin) if "margin" in case.params else logistic(agreement)


@adapter("pal")
def pal(case: Case) -> dict[str, Any]:
    """PAL: losses of distance differences, by element or by token; outputs of the model; the bound of norms."""
    inputs = case.inputs
    if "chosen" in inputs:
        return plain(case.method, case.params, inputs)
    if "points" in inputs:
        excess = norm_excess(_tensor(inputs["points"]), case.params["upper_bound"])
        return {"loss": (case.params.get("weight", 1.0) * excess).item()}
    if "left_items" in inputs:
        return {"output": _pal_output(case).tolist()}
    if "distance_difference" in inputs:
        difference = _tensor(inputs["distance_difference"]).requires_grad_()
        losses = _pal_loss(case, _tensor(inputs["target"]) * difference)
        [grad] = torch.autograd.grad(losses.sum(), difference)
        return {"losses": losses.tolist(), "grad_sum": grad.tolist()}
    difference = _tensor(inputs["distance_difference_per_token"]).requires_grad_()
    at_tokens = _pal_loss(case, _tensor(inputs["target"]).unsqueeze(-1) * difference)
    first, end = (torch.tensor(inputs[name], dtype=torch.long) for name in ("divergence_index", "end_index"))
    loss = token_aggregate(at_tokens, first, end, case.params.get("weighting", "mean")).mean()
    [grad] = torch.autograd.grad(loss, difference)
    return {"loss": loss.item(), "grad": grad.tolist()}


def _pal_output(case: Case) -> Tensor:
    """Of each pair and token: the difference of distances, or two scaled cosines, or their difference."""
    inputs, kind = case.inputs, case.params["kind"]
    points = mixed_points(_tensor(inputs["user_logits"]), _tensor(inputs["prototypes"])).unsqueeze(1)
    sides = [_tensor(inputs[name]) for name in ("left_items", "right_items")]
    if kind == "dist":
        left, right = (to_points(each, points) for each in sides)
        return left - right
    left, right = (scaled_cosines(each, points, case.params["log_logit_scale"]) for each in sides)
    return torch.stack([left, right], dim=-1) if kind == "angle" else (1 - left) - (1 - right)


# -- MiCRo ------------------------------------------------------------------------------------------------------------


@adapter("micro")
def micro(case: Case) -> dict[str, Any]:
    """MiCRo's first stage: rewards by head and router logits in, their gradients out."""
    if "chosen" in case.inputs:
        return plain(case.method, case.params, case.inputs)
    names = ("chosen_head_rewards", "rejected_head_rewards", "router_logits")
    leaves = [_tensor(case.inputs[name]).requires_grad_() for name in names]
    chosen, rejected, logits = leaves
    log_weights = torch.log_softmax(logits, dim=-1)  # a static mixture has one row for all pairs
    loss = mixture_loss(chosen, rejected, log_weights, float(case.params.get("alpha", 0.5))).mean()
    grad = torch.autograd.grad(loss, leaves)
    return {"loss": loss.item(), "grad": {name: each.tolist() for name, each in zip(names, grad, strict=True)}}


# -- gates over aspects -----------------------------------------------------------------------------------------------


def _aspects(given: Mapping[str, Sequence[int]] | Sequence[Sequence[int]]) -> list[list[int]]:
    """The criteria of each aspect; a table has the aspects as keys."""
    rows = [given[key] for key in sorted(given, key=int)] if isinstance(given, Mapping) else given
    return [list(row) for row in rows]


def _network(parameters: Mapping[str, Any], name: str, hidden: Tensor) -> Tensor:
    """The logits of a gate: linear layers with ReLU between them, under the names of the published state."""
    count = len({key for key in parameters if key.startswith(f"{name}.layers.") and key.endswith(".weight")})
    for layer in range(count):
        weight, bias = (_tensor(parameters[f"{name}.layers.{layer}.{part}"]) for part in ("weight", "bias"))
        hidden = torch.nn.functional.linear(hidden, weight, bias)
        hidden = hidden.relu() if layer < count - 1 else hidden
    return hidden


@adapter("moe-reward")
def moe_reward(case: Case) -> dict[str, Any]:
    """The gated reward from states at the ends of response and prompt, with all weights; or the loss of pairs."""
    if "chosen" in case.inputs:
        return plain(case.method, case.params, case.inputs)
    parameters, aspects = case.inputs["gating_parameters"], _aspects(case.params["aspect_to_criteria"])
    prompt = _tensor(case.inputs["prompt_hidden"])
    rewards = _tensor(case.inputs["response_hidden"]) @ _tensor(case.inputs["regression_weight"]).T
    criterion_logits = _network(parameters, "criteria", prompt)
    found = gated_rewards(
        rewards,
        criterion_logits,
        _network(parameters, "aspect", prompt),
        aspects,
        temperature=float(case.params["temperature"]),
        criterion_scale=_tensor(parameters.get("criteria.logit_scale", [1.0])),
        aspect_scale=_tensor(parameters.get("aspect.logit_scale", [1.0])),
    )
    weights = {str(place): each.tolist() for place, each in enumerate(found.criterion_weights)}
    return {
        "criterion_rewards": rewards.tolist(),
        "criterion_gate_logits": criterion_logits.tolist(),
        **_plain(found),
        "criterion_weights": weights,
    }


def _plain(found: Gated) -> dict[str, Any]:
    return {name: getattr(found, name).tolist() for name in ("aspect_gate", "aspect_scores", "score")}


@adapter("mj-video", evaluates="moe-reward")
def mj_video(case: Case) -> dict[str, Any]:
    """MJ-VIDEO: the gated score of given logits, the loss of criteria, and the losses of preferences."""
    if "criteria_rewards" in case.inputs:
        scale = float(case.params.get("logit_scale", 1.0))
        found = gated_rewards(
            _tensor(case.inputs["criteria_rewards"]),
            _tensor(case.inputs["criteria_gate_logits"]),
            _tensor(case.inputs["aspect_gate_logits"]),
            _aspects(case.params["aspect_to_criteria"]),
            temperature=float(case.params["temperature"]),
            criterion_scale=scale,
            aspect_scale=scale,
        )
        return {**_plain(found), "criteria_weights": [each.tolist() for each in found.criterion_weights]}
    name = "logits" if "logits" in case.inputs else "score"
    leaves = {video: _tensor(case.inputs[name][video]).requires_grad_() for video in VIDEOS}
    loss = _criteria(case, leaves) if name == "logits" else _preferences(case, leaves)
    grad = torch.autograd.grad(loss, list(leaves.values()))
    return {
        "loss": loss.item(),
        "grad": {f"{name}.{video}": each.tolist() for video, each in zip(leaves, grad, strict=True)},
    }


def _criteria(case: Case, logits: Mapping[str, Tensor]) -> Tensor:
    """Summed over criteria and both videos."""
    weight, epsilon = _tensor(case.params["positive_weight"]), float(case.params.get("eps", 1e-5))
    labels, related = ({video: _tensor(case.inputs[name][video]) for video in VIDEOS} for name in ("labels", "related"))
    rows = [criteria_loss(logits[video], labels[video], related[video], weight, epsilon) for video in VIDEOS]
    return torch.stack(rows).sum()


def _preferences(case: Case, scores: Mapping[str, Tensor]) -> Tensor:
    """Of overall scores the sum over the pairs that count, of aspects their mean; a preference of 1 is for video 1."""
    towards = 2 * _tensor(case.inputs["preference"]) - 1
    margin = float(case.params.get("beta", 1.0)) * (scores["video_1"] - scores["video_0"]) * towards
    mask = _tensor(case.inputs["mask"]) if "mask" in case.inputs else torch.ones_like(margin)
    total = -(logsigmoid(margin) * mask).sum()
    return total / mask.sum().clamp(min=1) if "aspect" in case.name.lower() else total


# -- few-shot preferences ---------------------------------------------------------------------------------------------


@adapter("fspo", evaluates=lambda case: form_of(case, "loss", LOSSES) if "loss" in case.params else "ipo")
def fspo(case: Case) -> dict[str, Any]:
    """FSPO's loss on prompts that carry a user's preferences: IPO or DPO on sums over tokens."""
    form = form_of(case, "loss", LOSSES) if "loss" in case.params else "ipo"
    sums = {"average_log_prob": False} if form == "ipo" else {}
    found = evaluate_plainly(build(form, beta=float(case.params["beta"]), **sums), case.inputs)
    # Every token of a response has the gradient of its sum.
    grad = {
        f"{view}_sequence_logp": [row[0] if row else 0.0 for row in found["grad"][f"{view}.policy"]]
        for view in ("chosen", "rejected")
    }
    return {"losses": found["losses"], "loss": found["loss"], "grad": grad}
