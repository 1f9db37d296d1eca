"""`plan_memory`: the memory that a recipe takes, before a model is loaded."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from penchant.modalities.modality import Estimate
from penchant.training.arguments import micro_batches
from penchant.training.preparation import Given, Prepared, prepare
from penchant.training.progress import ProgressReporter
from penchant.training.recipe import Recipe

__all__ = ["PlannedMemory", "estimate_of", "plan_memory"]


@dataclass(frozen=True)
class PlannedMemory:
    """The plan of a run's memory.

    Args:
        model: a description of the model.
        steps: number of optimizer steps.
        largest_step: size of the largest step, in tokens (or images).
        micro_batch: size of the largest micro-batch of a process.
        processes: number of processes.
        parts: bytes by purpose, on one device.
        total: the peak of one device, bytes.
    """

    model: str
    steps: int
    largest_step: int
    micro_batch: int
    processes: int
    parts: dict[str, float]
    total: float

    def as_json(self) -> dict[str, Any]:
        """All fields as plain values."""
        return asdict(self)


def plan_memory(recipe: Recipe, processes: int = 1, reporter: ProgressReporter | None = None) -> PlannedMemory:
    """Read and plan the data, and estimate the memory of the run.

    Args:
        recipe: the run.
        processes: number of processes that weights, gradients and optimizer are sharded over.
        reporter: shows progress; None for none.

    Raises:
        PenchantError: data, tokenizer or objective cannot be used, or the model's configuration cannot be read.
    """
    prepared = prepare(recipe, Given(), reporter or ProgressReporter(quiet=True), check=False)
    largest, part, found = estimate_of(recipe, prepared, processes)
    return PlannedMemory(found.model, len(prepared.plan), largest, part, processes, found.parts, found.total)


def estimate_of(recipe: Recipe, prepared: Prepared, processes: int = 1) -> tuple[int, int, Estimate]:
    """The size of the largest step, that of the largest micro-batch of a process, and the estimate.

    Args:
        recipe: the run.
        prepared: its data and plan.
        processes: number of processes.
    """
    supply, plan = prepared.supply, prepared.plan
    steps = [list(map(supply.size, supply.slots(plan, step))) for step in range(len(plan))]
    parts = processes * micro_batches(
        recipe, plan, supply.largest_sizes(plan), processes, prepared.objective.scored_twice
    )
    # A micro-batch holds whole examples: with 8 examples in 6 parts, the largest has 2.
    part = max(sum(sorted(step, reverse=True)[: -(-len(step) // parts)]) for step in steps)
    heldout = prepared.heldout_supply
    measured = sum(heldout.sizes)
    needs = prepared.objective.requirements.needs.reference
    found = prepared.modality.estimate(part, measured=measured, needs_reference=needs, processes=processes)
    return max(map(sum, steps)), part, found
