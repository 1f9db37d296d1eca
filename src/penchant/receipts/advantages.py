"""Published cases of advantages and of the penalty for length, for the adapters of policy gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.objectives.functional.advantages import (
    best_advantages,
    group_advantages,
    length_weighted_advantages,
    overlong_penalty,
)
from penchant.receipts.cases import Case, named_variant

__all__ = ["ADVANTAGES", "advantages_of", "penalty_of"]

Rule = Callable[[Case, Tensor, Tensor], Tensor]

# What other libraries add to the deviation of a group, by the setting that turns the division on.
EPSILONS = {"norm_adv_by_std_in_grpo": 1e-6, "scale_rewards": 1e-4, "estimator": 1e-9}
#: What advantages are divided by, by the values of these settings.
SCALES = {True: "group", False: "none", "group": "group", "none": "none", "batch": "batch"}
SCALES |= {"group_norm": "group", "dr_grpo": "none"}


def penalty_of(case: Case) -> dict[str, Any]:
    """``penalty`` of responses that are too long, and ``shaped_scores`` where scores are given."""
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


def advantages_of(case: Case) -> dict[str, Any]:
    """``advantages`` of scores, or ``shaped_scores`` where they come nested by prompt."""
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
