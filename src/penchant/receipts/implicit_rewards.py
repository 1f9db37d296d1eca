"""Implicit rewards of responses, which some published results list beside the losses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penchant.objectives.core.evaluate import evaluate_plainly
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.plain_inputs import PlainInputs
from penchant.objectives.core.scored import Scored

__all__ = ["evaluate_with_rewards"]


def evaluate_with_rewards(
    objective: Objective, inputs: Mapping[str, Any], published: Mapping[str, str]
) -> dict[str, Any]:
    """The losses of an objective, and the implicit reward of every response.

    Args:
        objective: one that implies a reward; it is moved to double precision, and its state may change.
        inputs: as for `penchant.objectives.core.evaluate.evaluate`.
        published: for each view the name under which its rewards are published.

    Returns:
        As `penchant.objectives.core.evaluate.evaluate`, and a list of rewards for each published name.

    Raises:
        ConfigurationError: an input is missing or has another form than expected.

    Example:
        >>> from penchant.objectives import DPO
        >>> view = {"policy": [[-1.0, -1.0]], "reference": [[-1.0, -2.0]]}
        >>> both = {"chosen": view, "rejected": view}
        >>> evaluate_with_rewards(DPO(beta=0.5), both, {"chosen": "chosen_rewards"})["chosen_rewards"]
        [0.5]
    """
    found = evaluate_plainly(objective, inputs)
    reader = PlainInputs(inputs, objective.requirements, objective.id)
    for view, name in published.items():
        scored = reader.view(view)
        assert isinstance(scored, Scored)
        rewards = objective.rewards(scored)
        assert rewards is not None
        found[name] = rewards.tolist()
    return found
