"""Published cases of advantages and of the overlong penalty, for the policy-gradient adapters."""

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

# The ε that other libraries add to the standard deviation, by the setting that enables the division.
EPSILONS = {"norm_adv_by_std_in_grpo": 1e-6, "scale_rewards": 1e-4, "estimator": 1e-9}
#: The divisor of advantages, by the values of these settings.
SCALES = {True: "group", False: "none", "group": "group", "none": "none", "batch": "batch"}
SCALES |= {"group_norm": "group", "dr_grpo": "none"}


def penalty_of(case: Case) -> dict[str, Any]:
    """``penalty`` of overlong responses, and ``shaped_scores`` if scores are given."""
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
    """``advantages`` of scores, or ``shaped_scores`` if they are nested by prompt."""
    scores = torch.tensor(_numbers(case.inputs["scores"]), dtype=torch.float64)
    nested = scores.dim() == 2
    if "group" in case.inputs:
        group = torch.tensor(case.inputs["group"])
    else:
        group = torch.arange(scores.numel()) // (scores.shape[1] if nested else case.params["group_size"])
    values = _rule(case)(case, scores.flatten(), group)
    return {"shaped_scores" if nested else "advantages": values.reshape(scores.shape).tolist()}


def _numbers(values: Any) -> Any:
    """Missing scores become NaN."""
    if isinstance(values, list):
        return [_numbers(each) for each in values]
    return float("nan") if values is None else values


def _setting(case: Case) -> str | None:
    return next((name for name in EPSILONS if name in case.params), None)


def _scale(case: Case) -> tuple[Any, float]:
    """The divisor and its ε; as in verl if there is no setting."""
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


#: Advantage rules by the first word after the colon in the name of a case.
ADVANTAGES: Mapping[str, Rule] = {
    "GRPO": _standardised,
    "Dr.GRPO": _centred,
    "OPO": _length_weighted,
    "Pass@k": _best_alone,
}


def _rule(case: Case) -> Rule:
    """The rule given by the name of the case, or by its setting."""
    rule = named_variant(case, ADVANTAGES)
    if rule is not None:
        return rule
    if _setting(case) is not None:
        return _standardised
    if not case.name and "lengths" in case.inputs:
        return _length_weighted  # a case without name: this is the only rule that reads lengths
    raise ConfigurationError(
        "Neither the parameters nor the name of the case determine the kind of advantages.",
        where=f"case {case.name!r} of {case.method}",
        fix=f"Expected one of {', '.join(ADVANTAGES)} after the colon in its name, or a setting {', '.join(EPSILONS)}.",
    )
