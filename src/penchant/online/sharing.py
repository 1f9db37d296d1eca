"""How the processes of a run share the work of a round; every process gets all results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from penchant.errors import ConfigurationError
from penchant.likelihood.references.sharing import in_shares
from penchant.training.devices.agreement import agreed, is_first
from penchant.training.devices.processes import Processes

__all__ = ["Sharing", "alone", "by_the_first", "in_shares", "one_copy_each"]

Part = TypeVar("Part")
Found = TypeVar("Found")


class Sharing(Protocol):
    """Computes every part of some work once, in order; gives lists of parts with their results."""

    def __call__(self, parts: Sequence[Any], compute: Callable[[Any], Found], /) -> Iterator[list[tuple[Any, Found]]]:
        """Compute all parts.

        Args:
            parts: the work, the same on all processes.
            compute: the result of a part.
        """


def alone(parts: Sequence[Part], compute: Callable[[Part], Found]) -> Iterator[list[tuple[Part, Found]]]:
    """This process computes everything, and tells no other.

    Example:
        >>> list(alone([[1, 2], [3]], sum))
        [[([1, 2], 3)], [([3], 3)]]
    """
    for part in parts:
        yield [(part, compute(part))]


def by_the_first(parts: Sequence[Part], compute: Callable[[Part], Found]) -> Iterator[list[tuple[Part, Found]]]:
    """The first process computes everything, and tells the others: for what answers differently when asked twice.

    Example:
        >>> list(by_the_first([[1, 2], [3]], sum))
        [[([1, 2], 3)], [([3], 3)]]
    """
    for part in parts:
        found = agreed([compute(part)] if is_first() else [])
        yield [(part, found[0])]


def one_copy_each(processes: Processes) -> Processes:
    """The processes of an online run, each of which samples from its own copy of the policy.

    Raises:
        ConfigurationError: they divide one model among them.
    """
    if processes.strategy not in ("single", "ddp"):
        raise ConfigurationError(
            f"The processes divide the model among them ({processes}), but each samples from a copy of its own.",
            where="strategy",
            why="Sampling goes token by token, and a divided model would be gathered for each of them.",
            fix="Give strategy=ddp, with lora if the memory is short; or sample from a server (engine.update) and "
            "train in one process.",
        )
    return processes
