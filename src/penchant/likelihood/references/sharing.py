"""Work on a list of batches, shared between the processes of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from torch import distributed

__all__ = ["in_shares", "true_for_all"]

Batch = TypeVar("Batch")
Found = TypeVar("Found")


def true_for_all(given: Sequence[bool]) -> list[bool]:
    """For each place, whether all processes say yes; every process calls it, so that all do the same work."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return list(given)
    found: list[Sequence[bool]] = [given] * distributed.get_world_size()
    distributed.all_gather_object(found, list(given))
    return [all(each) for each in zip(*found, strict=True)]


def in_shares(batches: Sequence[Batch], compute: Callable[[Batch], Found]) -> Iterator[list[tuple[Batch, Found]]]:
    """Compute every batch once, each process its share, and give all results to all processes.

    All processes compute equally often, since a divided model needs them all in each forward pass: who has no batch
    left computes the last one again.

    Args:
        batches: the work, the same on all processes.
        compute: the result of a batch.

    Returns:
        Round by round, the batches with their results.

    Example:
        >>> list(in_shares([[1, 2], [3]], sum))
        [[([1, 2], 3)], [([3], 3)]]
    """
    several = distributed.is_available() and distributed.is_initialized()
    rank, count = (distributed.get_rank(), distributed.get_world_size()) if several else (0, 1)
    for start in range(0, len(batches), count):
        place = min(start + rank, len(batches) - 1)
        mine = (place, compute(batches[place]))
        found = [mine]
        if several:
            found = [mine] * count
            distributed.all_gather_object(found, mine)
        yield [(batches[each], result) for each, result in sorted(dict(found).items())]
