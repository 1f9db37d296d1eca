"""`measure`: metrics of a policy on held-out examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from penchant.evaluation.judged import judged_figures
from penchant.evaluation.list_intervals import list_values
from penchant.evaluation.metrics import Reduce, Tally, batch_metrics, compared
from penchant.feedback.views.view import find_view
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
    """The metrics of a policy on a set of examples.

    Args:
        metrics: means by name (see `penchant.evaluation.metrics.batch_metrics`), ``loss`` among them.
        rewards: the implicit reward of every response, by view; of judgements also by label, as ``desirable`` and
            ``undesirable``.
        logp_margin: for pairs, mean log-probability per token of chosen minus that of rejected, nats.
        divergence: the log-ratio of every mismatched response, nats.
        lists: the metrics of every list (`penchant.evaluation.list_intervals.list_values`).
    """

    metrics: dict[str, float] = field(default_factory=dict)
    rewards: dict[str, list[float]] = field(default_factory=dict)
    logp_margin: list[float] = field(default_factory=list)
    divergence: list[float] = field(default_factory=list)
    lists: dict[str, list[float]] = field(default_factory=dict)

    @classmethod
    def of(cls, parts: Sequence[HeldOut]) -> HeldOut:
        """The parts that several processes measured, with the figures that need all responses at once.

        Args:
            parts: at least one; their metrics are equal.
        """
        rewards, lists = _joined([part.rewards for part in parts]), _joined([part.lists for part in parts])
        margins = [each for part in parts for each in part.logp_margin]
        divergence = [each for part in parts for each in part.divergence]
        figures = judged_figures(rewards, divergence, parts[0].metrics.get("shift", 0.0))
        return cls({**parts[0].metrics, **figures}, rewards, margins, divergence, lists)


def _joined(parts: Sequence[dict[str, list[float]]]) -> dict[str, list[float]]:
    """The numbers of all parts by name."""
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: [each for part in parts for each in part.get(name, [])] for name in names}


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
        objective: the objective to measure.
        examples: at least one, or their `Supply`.
        tokens_per_batch: tokens (or other units of the scorer) per forward pass; default: the scorer's.
        process: index of this process; each takes every ``processes``-th batch.
        processes: number of processes that share the work.
        reduce: sums a tensor over processes.

    Returns:
        Means over all processes; per-example lists cover only this process.
    """
    supply = Supply.of(examples)
    plan = measuring_plan(supply, tokens_per_batch or scorer.measured_at_once)
    tally, result = Tally(), HeldOut()
    needs = measured_needs(objective, reference.kind)
    was_training = objective.training
    objective.eval()  # evaluation must not change state that the objective keeps about the training data
    for batch, ghost in _batches(scorer, supply, plan, process, processes):
        with torch.no_grad():
            views = scorer.score_batch(batch, reference, needs)
            losses = objective.compute({**views, **batch.fields})
        batch_metrics(tally, objective, views, losses, batch)
        tally.add("loss", losses.values, batch.weights)
        if not ghost:
            _keep(result, objective, views, batch.fields.get("label"))
            for name, values in list_values(objective, views, batch.fields).items():
                result.lists.setdefault(name, []).extend(values)
    objective.train(was_training)
    result.metrics = tally.means(reduce)
    result.metrics.pop("example_loss", None)
    return HeldOut.of([result]) if processes == 1 else result


def _batches(
    scorer: Scorer[Laid], supply: Supply, plan: Plan, process: int, processes: int
) -> Iterator[tuple[Laid, bool]]:
    """This process's batches, each with a flag for a filler batch that does not count.

    Every process computes the same number of batches, because reductions and sharded models wait for all processes.
    """
    device = device_of(scorer.core)
    for place in range(process, -(-len(plan) // processes) * processes, processes):
        members = [supply.at(slot) for slot in supply.slots(plan, place % len(plan))]
        ghost = place >= len(plan)
        yield scorer.collate(members, weights=[0.0] * len(members) if ghost else None).to(device), ghost


def measuring_plan(supply: Supply, tokens_per_batch: int) -> Plan:
    """The order of held-out examples: that of the data, every example of the first source once.

    Partners in views of the step come from the whole order, so they do not depend on the batch size.

    Args:
        supply: the held-out data.
        tokens_per_batch: tokens (or other units of the scorer) per forward pass.
    """
    return plan_batches(
        supply.sizes, tokens_per_batch=tokens_per_batch, shuffle=False, beside=supply.beside_sizes, across=True
    )


def measured_needs(objective: Objective, reference: str) -> Needs:
    """What must be computed to measure an objective: its own needs, and the reference if there is one.

    So the divergence from the reference is measured even for an objective without reference.

    Args:
        objective: the objective to measure.
        reference: kind of the reference.
    """
    return objective.requirements.needs | Needs(reference=reference != "none", likelihood=False)


def _keep(result: HeldOut, objective: Objective, views: dict[str, Scored], label: Tensor | None) -> None:
    for name, scored in views.items():
        rewards = objective.rewards(scored)
        if rewards is not None:
            result.rewards.setdefault(name, []).extend(rewards.tolist())
        view = find_view(name)
        if view.crossed is not None and scored.reference is not None:
            result.divergence.extend(scored.logratio.tolist())
        if rewards is not None and label is not None and label.dim() == 1 and "binary" in view.shapes:
            liked = label[scored.group] > 0.5
            for side, members in (("desirable", liked), ("undesirable", ~liked)):
                result.rewards.setdefault(side, []).extend(rewards[members].tolist())
    if (pair := compared(views)) is not None and pair[0].likelihood:
        result.logp_margin.extend((pair[0].mean_logp - pair[1].mean_logp).tolist())
