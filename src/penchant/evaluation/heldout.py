"""Measuring a policy on a set of examples, without training on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from penchant.evaluation.metrics import Reduce, Tally, batch_metrics, compared
from penchant.forest.batching import Plan, plan_batches
from penchant.forest.supply import Supply
from penchant.likelihood.core import device_of
from penchant.likelihood.references.reference import Reference
from penchant.likelihood.scorer import Laid, Scorer
from penchant.objectives.core.objective import Needs, Objective
from penchant.objectives.core.scored import Scored

__all__ = ["HeldOut", "measure", "measured_needs", "measuring_plan"]


@dataclass
class HeldOut:
    """What was measured.

    Args:
        metrics: means by name (see `penchant.evaluation.metrics.batch_metrics`), ``loss`` among them.
        rewards: for each view the implicit reward of every response.
        logp_margin: for pairs, mean log-probability a token of chosen minus that of rejected, nats.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    rewards: dict[str, list[float]] = field(default_factory=dict)
    logp_margin: list[float] = field(default_factory=list)


def measure(
    scorer: Scorer[Laid],
    reference: Reference[Any, Any],
    objective: Objective,
    examples: Sequence[Any],
    *,
    tokens_per_batch: int | None = None,
    process: int = 0,
    processes: int = 1,
    reduce: Reduce | None = None,
) -> HeldOut:
    """Score examples with policy and reference and apply the objective, without gradient.

    Args:
        scorer: the policy.
        reference: the reference.
        objective: what is measured.
        examples: at least one, or their `Supply`.
        tokens_per_batch: tokens (or what else the scorer counts in) a forward pass; the scorer's own where absent.
        process: number of this process; each takes every ``processes``-th batch.
        processes: how many processes share the work.
        reduce: sums a tensor over processes.

    Returns:
        Means over all processes; per-example lists hold this process's part.
    """
    supply = Supply.of(examples)
    plan = measuring_plan(supply, tokens_per_batch or scorer.measured_at_once)
    tally, result = Tally(), HeldOut()
    needs = measured_needs(objective, reference.kind)
    was_training = objective.training
    objective.eval()  # its memory of the training data must not change here
    for batch, ghost in _batches(scorer, supply, plan, process, processes):
        with torch.no_grad():
            views = scorer.score_batch(batch, reference, needs)
            losses = objective.compute({**views, **batch.fields})
        batch_metrics(tally, objective, views, losses, batch)
        tally.add("loss", losses.values, batch.weights)
        if not ghost:
            _keep(result, objective, views)
    objective.train(was_training)
    result.metrics = tally.means(reduce)
    result.metrics.pop("example_loss", None)
    return result


def _batches(
    scorer: Scorer[Laid], supply: Supply, plan: Plan, process: int, processes: int
) -> Iterator[tuple[Laid, bool]]:
    """This process's batches, each with whether it only stands in for one and counts for nothing.

    Every process computes as many batches as the others: sums and sharded models wait for all of them.
    """
    device = device_of(scorer.core)
    for place in range(process, -(-len(plan) // processes) * processes, processes):
        members = [supply.at(slot) for slot in supply.slots(plan, place % len(plan))]
        ghost = place >= len(plan)
        yield scorer.collate(members, weights=[0.0] * len(members) if ghost else None).to(device), ghost


def measuring_plan(supply: Supply, tokens_per_batch: int) -> Plan:
    """The order in which held-out data are measured: that of the data, every example of the first source once.

    Partners of views of the step are those of the whole order, so they do not depend on what is computed at once.

    Args:
        supply: the held-out data.
        tokens_per_batch: tokens (or what else the scorer counts in) a forward pass.
    """
    return plan_batches(
        supply.sizes, tokens_per_batch=tokens_per_batch, shuffle=False, beside=supply.beside_sizes, across=True
    )


def measured_needs(objective: Objective, reference: str) -> Needs:
    """What is computed to measure an objective: what it asks for, and the reference wherever there is one.

    So the divergence from the reference is measured even for an objective that does without.

    Args:
        objective: what is measured.
        reference: the reference's kind.
    """
    return objective.requirements.needs | Needs(reference=reference != "none")


def _keep(result: HeldOut, objective: Objective, views: dict[str, Scored]) -> None:
    for name, scored in views.items():
        rewards = objective.rewards(scored)
        if rewards is not None:
            result.rewards.setdefault(name, []).extend(rewards.tolist())
    if (pair := compared(views)) is not None:
        result.logp_margin.extend((pair[0].mean_logp - pair[1].mean_logp).tolist())
