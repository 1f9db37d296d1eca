"""Numbers of sampled tokens under the policy that wrote them, the reference and the critic, kept with the samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from penchant.likelihood.references import Reference
from penchant.likelihood.scorer import Scorer
from penchant.objectives.core.objective import Objective
from penchant.online.rollouts import Rollout
from penchant.online.token_logps import token_values

__all__ = ["REFERENCE", "VALUES", "with_token_facts"]

#: Names of what a pairing may read of each token.
REFERENCE, VALUES = "reference_logps", "values"
# What they are called in `TokenValues`.
OWN = {REFERENCE: "reference", VALUES: "critic"}


def with_token_facts(
    rollouts: Sequence[Rollout],
    scorer: Scorer,
    precision: str | None = None,
    wanted: frozenset[str] = frozenset(),
    reference: Reference[Any, Any] | None = None,
    objective: Objective | None = None,
) -> list[Rollout]:
    """The rollouts with the log-probabilities of every sampled token, and what else a pairing reads.

    One pass of the policy, and one of the reference, over all samples of a prompt together.

    Args:
        rollouts: the samples.
        scorer: the policy, which sampled them.
        precision: number type of the forward pass in training, so that ratios start at one.
        wanted: names of what is kept beside the policy's log-probabilities.
        reference: read where ``wanted`` holds ``reference_logps``.
        objective: its critic is read where ``wanted`` holds ``values``.
    """
    critic: Any = getattr(objective, "values", None)  # there if it is asked for: checked when the run is prepared
    scored_by = reference if REFERENCE in wanted else None
    found = token_values(rollouts, scorer, precision, scored_by, critic=critic if VALUES in wanted else None)
    facts = {"old_logps": "policy"} | {name: own for name, own in OWN.items() if name in wanted}
    kept: list[Rollout] = []
    for each, rows in zip(rollouts, found, strict=True):
        named: dict[str, Any] = {name: tuple(getattr(row, own) for row in rows) for name, own in facts.items()}
        kept.append(replace(each, **named))
    return kept
