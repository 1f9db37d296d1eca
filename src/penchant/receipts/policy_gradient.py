"""Published cases of GRPO and its relatives: advantages, losses, and the penalty for length."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.core import registry
from penchant.objectives.core.plain_inputs import PlainInputs
from penchant.objectives.functional.advantages import (
    best_advantages,
    group_advantages,
    length_weighted_advantages,
    overlong_penalty,
)
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case, named_variant

__all__ = ["grpo"]

Hyper = dict[str, Any]
Rule = Callable[[Case, Tensor, Tensor], Tensor]

# What other libraries add to the deviation of a group, by the setting that turns the division on.
EPSILONS = {"norm_adv_by_std_in_grpo": 1e-6, "scale_rewards": 1e-4, "estimator": 1e-9}
#: What advantages are divided by, by the values of these settings.
SCALES = {True: "group", False: "none", "group": "group", "none": "none", "batch": "batch"}
SCALES |= {"group_norm": "group", "dr_grpo": "none"}
FORMER = {"temperature_pos": "tau_pos", "temperature_neg": "tau_neg"}


@adapter("grpo")
def grpo(case: Case) -> dict[str, Any]:
    """``advantages`` or ``shaped_scores``, ``penalty``, or ``loss``, ``grad`` and ``kl_k3_mean``.

    Inputs are ``scores`` with ``group`` (advantages), ``responses`` with ``advantages`` (losses), or ``lengths``.
    """
    if "responses" in case.inputs:
        return _losses(case)
    if "overlong_buffer_len" in case.params:
        return _penalty(case)
    return _advantages(case)


def _penalty(case: Case) -> dict[str, Any]:
    penalty = overlong_penalty(
        torch.tensor(case.inputs["lengths"], dtype=torch.float64),
        limit=case.params["max_new_tokens"],
        buffer=case.params["overlong_buffer_len"],
        factor=case.params.get("overlong_penalty_factor", 1.0),
    )
    result: dict[str, Any] = {"penalty": penalty.tolist()}
    if "scores" in case.inputs:
        result["shaped_scores"] = (torch.tensor(case.inputs["scores"], dtype=torch.float64) + penalty).tolist()
    return result


def _advantages(case: Case) -> dict[str, Any]:
    scores = torch.tensor(_numbers(case.inputs["scores"]), dtype=torch.float64)
    nested = scores.dim() == 2
    if "group" in case.inputs:
        group = torch.tensor(case.inputs["group"])
    else:
        group = torch.arange(scores.numel()) // (scores.shape[1] if nested else case.params["group_size"])
    values = _rule(case)(case, scores.flatten(), group)
    return {"shaped_scores" if nested else "advantages": values.reshape(scores.shape).tolist()}


def _numbers(values: Any) -> Any:
    """A score that is missing is not a number."""
    if isinstance(values, list):
        return [_numbers(each) for each in values]
    return float("nan") if values is None else values


def _setting(case: Case) -> str | None:
    return next((name for name in EPSILONS if name in case.params), None)


def _scale(case: Case) -> tuple[Any, float]:
    """What is divided by, and what is added to it; without a setting, as verl does."""
    name = _setting(case) or "norm_adv_by_std_in_grpo"
    value = case.params.get(name, True)
    if value not in SCALES:
        raise ConfigurationError(
            f"{name} is {value!r}, expected one of {', '.join(map(repr, SCALES))}.", where=f"case {case.name!r}"
        )
    return SCALES[value], EPSILONS[name]


def _standardised(case: Case, scores: Tensor, group: Tensor) -> Tensor:
    scale, epsilon = _scale(case)
    return group_advantages(scores, group, scale=scale, epsilon=epsilon)


def _centred(case: Case, scores: Tensor, group: Tensor) -> Tensor:
    return group_advantages(scores, group, scale="none")


def _length_weighted(case: Case, scores: Tensor, group: Tensor) -> Tensor:
    return length_weighted_advantages(scores, group, torch.tensor(case.inputs["lengths"]))


def _best_alone(case: Case, scores: Tensor, group: Tensor) -> Tensor:
    scale, epsilon = _scale(case)
    return best_advantages(scores, group, scale=scale, epsilon=epsilon)


#: Rules of advantages by the first word after the colon of a case's name.
ADVANTAGES: Mapping[str, Rule] = {
    "GRPO": _standardised,
    "Dr.GRPO": _centred,
    "OPO": _length_weighted,
    "Pass@k": _best_alone,
}


def _rule(case: Case) -> Rule:
    """The rule that the name says, or else the setting."""
    rule = named_variant(case, ADVANTAGES)
    if rule is not None:
        return rule
    if _setting(case) is not None:
        return _standardised
    if not case.name and "lengths" in case.inputs:
        return _length_weighted  # numbers without a name: of these rules it alone reads lengths
    raise ConfigurationError(
        "Neither the parameters nor the name of the case say which advantages are meant.",
        where=f"case {case.name!r} of {case.method}",
        fix=f"Expected one of {', '.join(ADVANTAGES)} after the colon of its name, or a setting {', '.join(EPSILONS)}.",
    )


def _gmpo(low: float, high: float) -> Hyper:
    return {"loss_type": "gmpo", "epsilon_low": low, "epsilon_high": high}


def _cispo(low: float, high: float) -> Hyper:
    return {"loss_type": "cispo", "cispo_floor": 1 - low, "epsilon_high": 1 + high}


#: Surrogates whose published parameters are ``clip_ratio_low`` and ``clip_ratio_high`` alone, by the first word after
#: the colon of a case's name.
CLIPPED: Mapping[str, Callable[[float, float], Hyper]] = {"GMPO": _gmpo, "CISPO": _cispo}


def _hyper(case: Case) -> Hyper:
    """The parameters of a loss in our terms."""
    chosen = {FORMER.get(name, name): value for name, value in case.params.items()}
    low, high = chosen.pop("clip_ratio_low", None), chosen.pop("clip_ratio_high", None)
    if low is not None and high is not None:
        surrogate = named_variant(case, CLIPPED)
        if surrogate is None:
            raise ConfigurationError(
                "clip_ratio_low and clip_ratio_high do not say which surrogate is clipped.",
                where=f"case {case.name!r} of {case.method}",
                fix=f"Expected one of {', '.join(CLIPPED)} after the colon of its name.",
            )
        chosen |= surrogate(low, high)
    elif "loss_type" not in chosen and "tau_pos" in chosen:
        chosen["loss_type"] = "sapo"
    if chosen.get("delta") is None:
        chosen.pop("delta", None)
    return chosen


def _losses(case: Case) -> dict[str, Any]:
    built = registry.build(case.method, **_hyper(case)).double()
    responses = dict(case.inputs["responses"])
    old = responses.pop("old", responses.pop("old_policy", None))
    reader = PlainInputs({"responses": responses}, built.requirements, built.id)
    view = reader.view("responses")
    assert view is not None and not isinstance(view, list)
    leaf, lengths = reader.leaves["responses.policy"]
    former = None if old is None else reader.padded("responses.old", old)[0].detach()
    advantage = torch.tensor(case.inputs["advantages"], dtype=torch.float64)
    losses = built(responses=view, advantage=advantage, old_policy=former)
    loss = losses.values.mean()
    (gradient,) = torch.autograd.grad(loss, [leaf])
    rows = [row[:length] for row, length in zip(gradient.tolist(), lengths, strict=True)]
    result: dict[str, Any] = {"losses": losses.values.tolist(), "loss": loss.item(), "grad": {"responses.policy": rows}}
    if view.reference is not None:
        gap = -view.token_logratio.detach()
        result["kl_k3_mean"] = ((gap.exp() - gap - 1)[view.mask].mean()).item()
    return result
