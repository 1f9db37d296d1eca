"""`plan_memory`: the memory that a recipe takes, before a model is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from operator import itemgetter
from typing import Any

from penchant.forest.batching import Slot
from penchant.modalities.modality import Estimate, Sizes
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
    steps = [[(supply.size(slot), slot) for slot in supply.slots(plan, step)] for step in range(len(plan))]
    parts = processes * micro_batches(
        recipe, plan, supply.largest_sizes(plan), processes, prepared.objective.scored_twice
    )
    # A micro-batch holds whole examples: with 8 examples in 6 parts, the largest has 2.
    largest = [sorted(step, key=itemgetter(0), reverse=True)[: -(-len(step) // parts)] for step in steps]
    part = max(largest, key=_total)
    needs = prepared.objective.requirements.needs
    found = prepared.modality.estimate(
        Sizes(
            _total(part),
            measured=sum(prepared.heldout_supply.sizes),
            scored=[supply.at(slot) for _, slot in part] if needs.likelihood else [],
        ),
        needs_reference=needs.reference,
        processes=processes,
    )
    return max(map(_total, steps)), _total(part), found


def _total(sized: Sequence[tuple[int, Slot]]) -> int:
    return sum(size for size, _ in sized)
