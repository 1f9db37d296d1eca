"""Published cases of GRPO, whose files name advantages, losses and penalties by other words, in the terms used here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from penchant.errors import ConfigurationError
from penchant.objectives.core.expression import build
from penchant.objectives.core.plain_inputs import PlainInputs
from penchant.objectives.core.registry import get
from penchant.objectives.functional.advantages import group_advantages, length_weighted_advantages, overlong_penalty

__all__ = ["grpo_receipt", "loss_of"]

# What other libraries add to the deviation of a group.
EPSILONS = {"norm_adv_by_std_in_grpo": 1e-6, "scale_rewards": 1e-4, "estimator": 1e-9}
FORMER = {"temperature_pos": "tau_pos", "temperature_neg": "tau_neg"}
#: The objectives of the loss types of published code.
LOSS_TYPES = {
    "grpo": "grpo",
    "dr_grpo": "dr-grpo",
    "bnpo": "bnpo",
    "dapo": "dapo",
    "cispo": "cispo",
    "sapo": "sapo",
    "gmpo": "gmpo",
}
#: The objectives of the names that stand after a case's colon.
NAMED = {"grpo": "grpo", "cispo": "cispo", "gmpo": "gmpo", "sapo": "sapo"}


def grpo_receipt(params: Mapping[str, Any], inputs: Mapping[str, Any], case: str = "") -> dict[str, Any]:
    """Results of a case under the keys that its file expects.

    Args:
        params: hyper-parameters under their published names.
        inputs: ``scores`` with ``group`` (advantages), ``responses`` with ``advantages`` (losses), or ``lengths``.
        case: the case's name; what stands after its colon says which loss is meant where the parameters do not.

    Returns:
        ``advantages``, ``shaped_scores``, ``penalty``, or ``loss``, ``grad`` and ``kl_k3_mean``.

    Raises:
        ConfigurationError: neither parameters nor name say which loss is meant.

    Example:
        >>> grpo_receipt({"scale_rewards": "none"}, {"scores": [1.0, 0.0], "group": [0, 0]})
        {'advantages': [0.5, -0.5]}
    """
    if "responses" in inputs:
        return _losses(params, inputs, case)
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


def loss_of(params: Mapping[str, Any], case: str) -> tuple[str, dict[str, Any]]:
    """Which loss a case is about, and its hyper-parameters in our words.

    Args:
        params: of the case: ``loss_type`` names the loss; temperatures are those of SAPO.
        case: the case's name, ``"loss: CISPO clip 0.2/0.28"``, for cases whose parameters are a clip alone.

    Returns:
        The objective's id, and hyper-parameters to build it with.

    Raises:
        ConfigurationError: the loss type, or the name after the colon, is not in the table.

    Example:
        >>> loss_of({"clip_ratio_low": 0.4, "clip_ratio_high": 0.4}, "loss: GMPO clip 0.4")
        ('gmpo', {'epsilon_low': 0.4, 'epsilon_high': 0.4})
        >>> loss_of({"loss_type": "cispo", "beta": 0.0, "epsilon_low": 0.2, "epsilon_high": 1.28}, "loss cispo")
        ('cispo', {'beta': 0.0, 'cap': 1.28})
    """
    own = {FORMER.get(name, name): value for name, value in params.items() if value is not None}
    low, high = own.pop("clip_ratio_low", None), own.pop("clip_ratio_high", None)
    if "loss_type" in own:
        return _by_type(own)
    if low is None:
        return ("sapo" if "tau_pos" in own else "grpo"), own
    word = case.partition(":")[2].split()[:1]
    name = NAMED.get(word[0].lower() if word else "")
    if name is None:
        raise ConfigurationError(
            f"The case's parameters are a clip alone, and its name does not say of which loss: {case!r}.",
            where="published cases of grpo",
            fix=f"Expected 'loss: NAME …' with one of {', '.join(NAMED)}.",
        )
    return name, own | ({"floor": 1 - low, "cap": 1 + high} if name == "cispo" else _clip(low, high))


def _clip(low: float, high: float) -> dict[str, float]:
    return {"epsilon_low": low, "epsilon_high": high}


def _by_type(own: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The loss that ``loss_type`` names, with the hyper-parameters that it has."""
    name = LOSS_TYPES.get(own.pop("loss_type"))
    if name is None:
        raise ConfigurationError(
            "The case has an unknown loss_type.",
            where="published cases of grpo",
            fix=f"Expected one of {', '.join(LOSS_TYPES)}.",
        )
    if name == "cispo":  # there the upper end of the clip is the cap itself, and there is no lower one
        own.pop("epsilon_low", None)
        own["cap"] = own.pop("epsilon_high")
    elif name == "dapo" and own.get("beta"):
        name = "bnpo"  # the same average, with the divergence
    elif "epsilon_low" in own:
        own.setdefault("epsilon_high", own["epsilon_low"])
    known = {each.name for each in get(name).hyperparameters()}
    return name, {each: value for each, value in own.items() if each in known}


def _losses(params: Mapping[str, Any], inputs: Mapping[str, Any], case: str) -> dict[str, Any]:
    name, own = loss_of(params, case)
    built = build(name, **own).double()
    responses = dict(inputs["responses"])
    old = responses.pop("old", inputs.get("old_policy"))
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
