"""Published cases of losses on scored lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from penchant.objectives.core.evaluate import evaluate_plainly
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.plain_inputs import PlainInputs
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.advantages import group_advantages
from penchant.objectives.listwise.adpo_listwise import EPSILON, ADPOListwise
from penchant.objectives.listwise.ddo_rm import DDORM
from penchant.receipts.adapters import adapter
from penchant.receipts.cases import Case
from penchant.receipts.plain import in_our_terms

__all__ = ["adpo_listwise", "ddo_rm"]


@adapter("ddo-rm")
def ddo_rm(case: Case) -> dict[str, Any]:
    """DDO-RM, with the distributions of each group and the gradient of the released form."""
    objective, inputs = DDORM(**case.params), in_our_terms(case.inputs)
    responses, scores = _scored_list(objective, inputs)
    policy, centred, target = objective.distributions(responses, scores)
    each_response = {"policy_distribution": policy.exp(), "centered_reward": centred, "target_distribution": target}
    rows = [(responses.group == place).nonzero().flatten() for place in range(responses.examples)]
    released = evaluate_plainly(DDORM(**{**case.params, "released": True}), inputs)
    return {
        **evaluate_plainly(objective, inputs),
        **{name: [values[each].tolist() for each in rows] for name, values in each_response.items()},
        "grad_target_not_detached": released["grad"],
    }


@adapter("adpo-listwise")
def adpo_listwise(case: Case) -> dict[str, Any]:
    """ADPO on lists, with the advantages that the published code starts from, and the mean temperature."""
    own = {name: value for name, value in case.params.items() if name != "num_generations"}  # implied by the groups
    objective, inputs = ADPOListwise(**own), in_our_terms(case.inputs)
    responses, scores = _scored_list(objective, inputs)
    advantages = group_advantages(scores, responses.group, epsilon=EPSILON)
    found = evaluate_plainly(objective, inputs)
    return {**found, "advantages": advantages.tolist(), "mean_tau": sum(found["tau"]) / max(len(found["tau"]), 1)}


def _scored_list(objective: Objective, inputs: Mapping[str, Any]) -> tuple[Scored, Tensor]:
    """The responses with their groups, and their scores, [R]."""
    reader = PlainInputs(inputs, objective.requirements, objective.id)
    responses, scores = reader.view("responses"), reader.field("scores")
    assert isinstance(responses, Scored) and scores is not None
    return responses, scores
