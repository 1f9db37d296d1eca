"""Published cases of GRPO, whose files name advantages, losses and penalties by other words, in the terms used here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from penchant.objectives.core.plain_inputs import PlainInputs
from penchant.objectives.functional.advantages import group_advantages, length_weighted_advantages, overlong_penalty

if TYPE_CHECKING:
    from penchant.objectives.policy_gradient.grpo import GRPO

__all__ = ["grpo_receipt"]

# What other libraries add to the deviation of a group.
EPSILONS = {"norm_adv_by_std_in_grpo": 1e-6, "scale_rewards": 1e-4, "estimator": 1e-9}
FORMER = {"temperature_pos": "tau_pos", "temperature_neg": "tau_neg"}


def grpo_receipt(objective: type[GRPO], params: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Results of a case under the keys that its file expects.

    Args:
        objective: the class to build for losses.
        params: hyper-parameters under their published names.
        inputs: ``scores`` with ``group`` (advantages), ``responses`` with ``advantages`` (losses), or ``lengths``.

    Returns:
        ``advantages``, ``shaped_scores``, ``penalty``, or ``loss``, ``grad`` and ``kl_k3_mean``.

    Example:
        >>> from penchant.objectives import GRPO
        >>> grpo_receipt(GRPO, {"scale_rewards": "none"}, {"scores": [1.0, 0.0], "group": [0, 0]})
        {'advantages': [0.5, -0.5]}
    """
    if "responses" in inputs:
        return _losses(objective, params, inputs)
    result: dict[str, Any] = {}
    if "overlong_buffer_len" in params:
        lengths = torch.tensor(inputs["lengths"], dtype=torch.float64)
        penalty = overlong_penalty(
            lengths,
            limit=params["max_new_tokens"],
            buffer=params["overlong_buffer_len"],
            factor=params.get("overlong_penalty_factor", 1.0),
        )
        result["penalty"] = penalty.tolist()
        if "scores" in inputs:
            result["shaped_scores"] = (torch.tensor(inputs["scores"], dtype=torch.float64) + penalty).tolist()
        return result
    return _advantages(params, inputs)


def _advantages(params: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    scores = torch.tensor(_numbers(inputs["scores"]), dtype=torch.float64)
    nested = scores.dim() == 2
    if "group" in inputs:
        group = torch.tensor(inputs["group"])
    else:
        group = torch.arange(scores.numel()) // (scores.shape[1] if nested else params["group_size"])
    told = next((name for name in EPSILONS if name in params), None)
    if told is None:
        # The length-weighted baseline is the one published rule without a setting.
        values = length_weighted_advantages(scores, group, torch.tensor(inputs["lengths"]))
    else:
        plain = {False: "none", "none": "none", "dr_grpo": "none", "batch": "batch"}
        scale: Any = plain.get(params[told], "group")
        values = group_advantages(scores.flatten(), group, scale=scale, epsilon=EPSILONS[told])
    return {"shaped_scores" if nested else "advantages": values.reshape(scores.shape).tolist()}


def _numbers(values: Any) -> Any:
    """A score that is missing is not a number."""
    if isinstance(values, list):
        return [_numbers(each) for each in values]
    return float("nan") if values is None else values


def _losses(objective: type[GRPO], params: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {FORMER.get(name, name): value for name, value in params.items()}
    low, high = chosen.pop("clip_ratio_low", None), chosen.pop("clip_ratio_high", None)
    if low is not None:
        # These files name the surrogate by its clip alone: the geometric mean's is symmetric, that of CISPO is not.
        chosen |= {"loss_type": "gmpo", "epsilon_low": low, "epsilon_high": high}
        if low != high:
            chosen |= {"loss_type": "cispo", "cispo_floor": 1 - low, "epsilon_high": 1 + high}
    elif "loss_type" not in chosen and "tau_pos" in chosen:
        chosen["loss_type"] = "sapo"
    if chosen.get("delta") is None:
        chosen.pop("delta", None)
    built = objective(**chosen).double()
    responses = dict(inputs["responses"])
    old = responses.pop("old", responses.pop("old_policy", None))
    reader = PlainInputs({"responses": responses}, built.requirements, built.id)
    view = reader.view("responses")
    assert view is not None and not isinstance(view, list)
    leaf, lengths = reader.leaves["responses.policy"]
    former = None if old is None else reader.padded("responses.old", old)[0].detach()
    advantage = torch.tensor(inputs["advantages"], dtype=torch.float64)
    losses = built(responses=view, advantage=advantage, old_policy=former)
    loss = losses.values.mean()
    (gradient,) = torch.autograd.grad(loss, [leaf])
    rows = [row[:length] for row, length in zip(gradient.tolist(), lengths, strict=True)]
    result: dict[str, Any] = {"losses": losses.values.tolist(), "loss": loss.item(), "grad": {"responses.policy": rows}}
    if view.reference is not None:
        gap = -view.token_logratio.detach()
        result["kl_k3_mean"] = ((gap.exp() - gap - 1)[view.mask].mean()).item()
    return result
