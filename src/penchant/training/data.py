"""The training data as PyTorch sees it: every micro-batch of the run, in the planned order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from torch.utils.data import DataLoader, Dataset, Sampler

from penchant.forest.batching import Plan, Slot, deal_places
from penchant.forest.collate import AnyBatch
from penchant.forest.example import RECORD_INDEX
from penchant.forest.supply import Supply

__all__ = ["training_loader"]


class Place(NamedTuple):
    """One example in one micro-batch of a step. A ghost fills a micro-batch that would be empty; its weight is 0."""

    slot: Slot
    ghost: bool
    place: int
    step: int
    denominator: float


class _Examples(Dataset[tuple[Any, Place]]):
    def __init__(self, supply: Supply) -> None:
        self.supply = supply

    def __len__(self) -> int:
        return len(self.supply)

    def __getitem__(self, place: Place) -> tuple[Any, Place]:  # type: ignore[override]
        return self.supply.at(place.slot), place


class _MicroBatches(Sampler[list[Place]]):
    """The micro-batches of one process, step after step, over the whole run."""

    def __init__(self, plan: Plan, supply: Supply, accumulate: int, process: int, processes: int) -> None:
        self.plan, self.accumulate, self.process, self.processes = plan, accumulate, process, processes
        self.supply = supply
        self.weights = supply.weights

    def __len__(self) -> int:
        return len(self.plan) * self.accumulate

    def __iter__(self) -> Iterator[list[Place]]:
        for step in range(len(self.plan)):
            slots = self.supply.slots(self.plan, step)
            # If every record of a step has weight 0, its loss is 0, not 0 / 0.
            denominator = sum(self.weights[slot.example] for slot in slots) or 1.0
            parts = deal_places([self.supply.size(slot) for slot in slots], self.accumulate * self.processes)
            for part in parts[self.process :: self.processes]:
                places = [Place(slots[place], False, place, step, denominator) for place in part]
                yield places or [Place(slots[0], True, 0, step, denominator)]


def _laid_out(collate: Callable[..., AnyBatch], items: list[tuple[Any, Place]]) -> dict[str, Any]:
    # A ghost has no record index: per-record state of an objective must not change twice in a step.
    examples = [_unnumbered(example) if place.ghost else example for example, place in items]
    places = [place for _, place in items]
    weights = [0.0 if place.ghost else example.weight for example, place in items]
    first = places[0]
    batch = collate(examples, weights=weights, denominator=first.denominator, step=first.step)
    return {"batch": batch, "ghost": first.ghost, "places": tuple(place.place for place in places)}


def _unnumbered(example: Any) -> Any:
    if RECORD_INDEX not in example.fields:
        return example
    return replace(example, fields={**example.fields, RECORD_INDEX: -1.0})


def training_loader(
    examples: Sequence[Any],
    plan: Plan,
    collate: Callable[..., AnyBatch],
    *,
    accumulate: int = 1,
    process: int = 0,
    processes: int = 1,
    workers: int = 0,
) -> DataLoader[dict[str, Any]]:
    """A loader over all micro-batches of this process, for the whole run (one pass).

    Args:
        examples: the encoded data, or their `Supply`.
        plan: the steps.
        collate: lays examples out as one batch (see `penchant.likelihood.scorer.Scorer`).
        accumulate: micro-batches per step and process.
        process: number of this process.
        processes: number of processes.
        workers: processes that build batches ahead of time.
    """
    supply = Supply.of(examples)
    sampler = _MicroBatches(plan, supply, accumulate, process, processes)
    # Examples go in, batches come out, so the two types differ.
    source: Dataset[Any] = _Examples(supply)
    return DataLoader(source, batch_sampler=sampler, collate_fn=partial(_laid_out, collate), num_workers=workers)
