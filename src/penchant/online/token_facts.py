"""Numbers of sampled tokens under the policy that wrote them, the reference and the critic, kept with the samples."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from penchant.forest.batching import plan_batches
from penchant.forest.example import Example
from penchant.likelihood.references import NoReference, Reference
from penchant.likelihood.scorer import Scorer
from penchant.objectives.core.objective import Objective
from penchant.objectives.core.requirements import Needs
from penchant.online.rollouts import Rollout

__all__ = ["REFERENCE", "VALUES", "with_token_facts"]

#: Names of what a pairing may read of each token.
REFERENCE, VALUES = "reference_logps", "values"


def with_token_facts(
    rollouts: Sequence[Rollout],
    scorer: Scorer,
    reference: Reference[Any, Any],
    objective: Objective,
    wanted: frozenset[str],
    precision: str | None = None,
) -> list[Rollout]:
    """The rollouts with the log-probabilities of every sampled token, and what else a pairing reads.

    One pass of the policy, and one of the reference, over all samples of a prompt together.

    Args:
        rollouts: the samples.
        scorer: the policy, which sampled them.
        reference: read where ``wanted`` holds ``reference_logps``.
        objective: its critic is read where ``wanted`` holds ``values``.
        wanted: names of what is kept beside the policy's log-probabilities.
        precision: number type of the forward pass in training.
    """
    sizes = [len(each.prompt_ids) + sum(len(answer.ids) for answer in each.responses) for each in rollouts]
    plan = plan_batches(sizes, tokens_per_batch=scorer.measured_at_once, shuffle=False)
    found: list[Rollout] = []
    for step in plan.steps:
        members = [rollouts[place] for place in step]
        kept = _of_tokens(members, scorer, reference, objective, wanted, precision)
        rows = iter(zip(*kept.values(), strict=True))
        for each in members:
            own = [next(rows) for _ in each.responses]
            facts: dict[str, Any] = dict(zip(kept, zip(*own, strict=True), strict=True))
            found.append(replace(each, **facts))
    order = [place for step in plan.steps for place in step]
    return [each for _, each in sorted(zip(order, found, strict=True), key=lambda pair: pair[0])]


def _of_tokens(
    members: Sequence[Rollout],
    scorer: Scorer,
    reference: Reference[Any, Any],
    objective: Objective,
    wanted: frozenset[str],
    precision: str | None,
) -> dict[str, list[tuple[float, ...]]]:
    """Each fact by name, one row of numbers for each response."""
    device = next(scorer.core.parameters()).device
    lowered = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(precision or "")
    autocast = contextlib.nullcontext() if lowered is None else torch.autocast(device.type, dtype=lowered)
    needs = Needs(reference=REFERENCE in wanted, hidden=VALUES in wanted)
    examples = [
        Example({"responses": [each.sequence(place) for place in range(len(each.responses))]}, {}, 1.0, each.source)
        for each in members
    ]
    with torch.no_grad(), autocast:
        batch = scorer.collate(examples).to(device)
        view = scorer.score_batch(batch, reference if needs.reference else NoReference(), needs)["responses"]
        tables = {"old_logps": view.policy}
        if view.reference is not None:
            tables[REFERENCE] = view.reference
        if needs.hidden:
            tables[VALUES] = objective.values(view)  # type: ignore[operator]  # checked when the run is prepared
    mask = view.mask.cpu()
    return {
        name: [tuple(row[inside].tolist()) for row, inside in zip(table.float().cpu(), mask, strict=True)]
        for name, table in tables.items()
    }
