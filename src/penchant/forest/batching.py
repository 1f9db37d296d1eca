"""Which examples are computed together: one plan for the whole run, the same however many machines carry it out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from penchant.errors import ConfigurationError

__all__ = ["Plan", "plan_batches"]

# Batches of like length are drawn from windows of this many batches, so that order stays mostly random.
WINDOW = 32


@dataclass(frozen=True)
class Plan:
    """All optimizer steps of a run.

    The examples of a step depend on the data, the batch size and the seed alone. How a step is dealt out to processes
    and accumulated micro-batches is decided afterwards (`deal`), so it can change neither loss nor weights.

    Args:
        steps: for each step the indices of its examples.
        epochs: for each step how many passes over the data are done when it ends.
    """

    steps: tuple[tuple[int, ...], ...]
    epochs: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.steps)

    def deal(self, step: int, sizes: Sequence[int], parts: int) -> list[list[int]]:
        """Split a step into ``parts`` micro-batches of about equally many tokens.

        Args:
            step: which step.
            sizes: tokens of every example of the data.
            parts: processes times accumulated micro-batches.

        Returns:
            For each part its example indices, in the order of the step; parts may be empty.
        """
        members = self.steps[step]
        if parts == 1:
            return [list(members)]
        loads, bins = [0] * parts, [[] for _ in range(parts)]  # type: tuple[list[int], list[list[int]]]
        for place in sorted(range(len(members)), key=lambda at: (-sizes[members[at]], at)):
            lightest = min(range(parts), key=lambda part: (loads[part], part))
            bins[lightest].append(place)
            loads[lightest] += sizes[members[place]]
        return [[members[place] for place in sorted(part)] for part in bins]


def plan_batches(
    sizes: Sequence[int],
    *,
    batch_size: int = 8,
    tokens_per_batch: int | None = None,
    epochs: float = 1.0,
    max_steps: int | None = None,
    seed: int = 0,
    group_by_length: bool = False,
    shuffle: bool = True,
) -> Plan:
    """Decide every step of a run beforehand.

    Args:
        sizes: tokens of each example.
        batch_size: examples per optimizer step, over all processes.
        tokens_per_batch: where given, a step takes examples until this many tokens instead.
        epochs: passes over the data; a fraction ends early.
        max_steps: where given, the number of steps, repeating the data as often as needed.
        seed: of the order.
        group_by_length: put examples of like length into one step.
        shuffle: False keeps the order of the data.

    Returns:
        The `Plan`.

    Raises:
        ConfigurationError: a size or number that leaves nothing to do.

    Example:
        >>> plan = plan_batches([5, 5, 5], batch_size=2, shuffle=False)
        >>> plan.steps, plan.epochs
        (((0, 1), (2,)), (0.6666666666666666, 1.0))
    """
    for name, value in (("batch_size", batch_size), ("tokens_per_batch", tokens_per_batch), ("max_steps", max_steps)):
        if value is not None and value < 1:
            raise ConfigurationError(f"{name} is {value}, which leaves nothing to do; expected 1 or more.")
    if not len(sizes):
        raise ConfigurationError("There is no example to train on.")
    if max_steps is None and not 0 < epochs < math.inf:
        raise ConfigurationError(f"epochs is {epochs}; expected a finite number above 0.")
    # Partial epochs count in examples, so that epochs=0.5 is half of the data whatever the batch size.
    wanted = math.inf if max_steps is not None else max(1, round(epochs * len(sizes)))
    steps: list[tuple[int, ...]] = []
    ends: list[float] = []
    for epoch, batches in enumerate(_epochs(sizes, batch_size, tokens_per_batch, seed, group_by_length, shuffle)):
        done = epoch * len(sizes)
        for batch in batches:
            if len(steps) == max_steps or done >= wanted:
                return Plan(tuple(steps), tuple(ends))
            done += len(batch)
            steps.append(tuple(batch))
            ends.append(done / len(sizes))
    raise AssertionError("epochs are endless")


def _epochs(
    sizes: Sequence[int], batch_size: int, budget: int | None, seed: int, group: bool, shuffle: bool
) -> Iterator[list[list[int]]]:
    """The batches of epoch after epoch, for ever."""
    epoch = 0
    while True:
        rng = np.random.default_rng([seed, epoch])
        order = [int(index) for index in (rng.permutation(len(sizes)) if shuffle else range(len(sizes)))]
        if group:
            order = _by_length(order, sizes, WINDOW * batch_size)
        batches = _fill(order, sizes, batch_size, budget)
        if group and shuffle:
            batches = [batches[int(place)] for place in rng.permutation(len(batches))]
        yield batches
        epoch += 1


def _by_length(order: list[int], sizes: Sequence[int], window: int) -> list[int]:
    parts = (order[start : start + window] for start in range(0, len(order), window))
    return [index for part in parts for index in sorted(part, key=lambda each: (sizes[each], each))]


def _fill(order: list[int], sizes: Sequence[int], batch_size: int, budget: int | None) -> list[list[int]]:
    """Cut an order into batches by count, or by a budget of tokens (an example above it stands alone)."""
    if budget is None:
        return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    batches: list[list[int]] = [[]]
    load = 0
    for index in order:
        if batches[-1] and load + sizes[index] > budget:
            batches.append([])
            load = 0
        batches[-1].append(index)
        load += sizes[index]
    return batches
