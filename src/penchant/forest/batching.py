"""Planning of the optimizer steps of a run: the examples of every step, independent of the number of processes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import NamedTuple, TypeAlias

import numpy as np

from penchant.errors import ConfigurationError
from penchant.forest.recycling import Mixture, recycled

__all__ = ["Plan", "Slot", "deal_places", "plan_batches"]

# Examples are sorted by length within windows of this many batches, so that the order stays mostly random.
WINDOW = 32

# Longest plans: every step is planned in advance, so a mistyped exponent would fill the memory.
MOST_VISITS = 100_000_000
MOST_STEPS = 2_000_000
MOST_EPOCHS = 100_000

#: For each further named source, the index of the example that accompanies an example of the first source.
Beside: TypeAlias = tuple[int, ...]


class Slot(NamedTuple):
    """One place of a step.

    Attributes:
        example: index of its example.
        beside: for each further named source the index of that source's example.
        partner: index of the example whose responses a view of the step pairs with this one's prompts; None where it
            was not asked for, or where the plan holds no other example.
    """

    example: int
    beside: Beside = ()
    partner: int | None = None


@dataclass(frozen=True)
class Plan:
    """All optimizer steps of a run.

    The examples of a step depend only on the data, the batch size and the seed. How a step is split into processes and
    accumulated micro-batches is decided later (`deal`) and changes neither the loss nor the weights.

    Args:
        steps: for each step, the indices of its examples.
        epochs: for each step, the number of passes over the data completed at its end.
        beside: for each place of each step, the examples of further named sources; empty if there are none.
        across: whether the partner of an example is the next one of the whole plan instead of its step. Used for
            held-out data, where a step is only a batch of the measurement.
    """

    steps: tuple[tuple[int, ...], ...]
    epochs: tuple[float, ...]
    beside: tuple[tuple[Beside, ...], ...] = ()
    across: bool = False

    def __len__(self) -> int:
        return len(self.steps)

    def deal(self, step: int, sizes: Sequence[int], parts: int) -> list[list[int]]:
        """Split a step into ``parts`` micro-batches of about equally many tokens.

        Args:
            step: which step.
            sizes: number of tokens of every example of the data.
            parts: number of processes times accumulated micro-batches.

        Returns:
            For each part, its example indices in the order of the step; parts may be empty.
        """
        members = self.steps[step]
        dealt = deal_places([sizes[index] for index in members], parts)
        return [[members[place] for place in part] for part in dealt]

    def slots(self, step: int, *, partners: bool = False) -> list[Slot]:
        """The places of a step, with accompanying examples and partners.

        Args:
            step: which step.
            partners: whether to include partners.

        Example:
            >>> [slot.partner for slot in Plan(((0, 1, 2), (3,)), (0.75, 1.0)).slots(0, partners=True)]
            [1, 2, 0]
        """
        members = self.steps[step]
        beside: Sequence[Beside] = self.beside[step] if self.beside else [()] * len(members)
        return [
            Slot(index, others, self.partner(step, place) if partners else None)
            for place, (index, others) in enumerate(zip(members, beside, strict=True))
        ]

    def partner(self, step: int, place: int) -> int | None:
        """The next other example of the step, cyclically; if the step has no other, the next one of the plan.

        Args:
            step: which step.
            place: position in the step.

        Returns:
            An index, or None if the plan has only one example.
        """
        members = self.steps[step]
        others = (self.steps[number] for number in chain(range(step + 1, len(self)), range(step)))
        after, before = members[place + 1 :], members[:place]
        rest = chain.from_iterable(others)
        circle = chain(after, rest, before) if self.across else chain(after, before, rest)
        return next((index for index in circle if index != members[place]), None)


def deal_places(loads: Sequence[int], parts: int) -> list[list[int]]:
    """Split the places of a step into ``parts`` of about equal load (greedy, largest first).

    Args:
        loads: tokens (or other units of work) of each place.
        parts: number of parts.

    Returns:
        For each part, its places in ascending order; parts may be empty.

    Example:
        >>> deal_places([5, 1, 4], 2)
        [[0], [1, 2]]
    """
    if parts == 1:
        return [list(range(len(loads)))]
    sums, bins = [0] * parts, [[] for _ in range(parts)]  # type: tuple[list[int], list[list[int]]]
    for place in sorted(range(len(loads)), key=lambda at: (-loads[at], at)):
        lightest = min(range(parts), key=lambda part: (sums[part], part))
        bins[lightest].append(place)
        sums[lightest] += loads[place]
    return [sorted(part) for part in bins]


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
    beside: Sequence[Sequence[int]] = (),
    mixture: Mixture | None = None,
    across: bool = False,
) -> Plan:
    """Plan every step of a run.

    Args:
        sizes: number of tokens of each example.
        batch_size: examples per optimizer step, over all processes.
        tokens_per_batch: if given, fill steps up to this many tokens instead of ``batch_size`` examples.
        epochs: passes over the data; may be a fraction.
        max_steps: if given, the number of steps, repeating the data as often as needed.
        seed: seed of the order.
        group_by_length: put examples of similar length into one step.
        shuffle: False keeps the order of the data.
        beside: number of tokens of each example of every further named source. An epoch is the first source once; each
            of its examples takes the next one of every other source. These are repeated as needed, reshuffled per pass.
        mixture: the mixture, if the examples come from several files with fixed ratios.
        across: whether partners are taken from the whole plan (see `Plan`).

    Returns:
        The `Plan`.

    Raises:
        ConfigurationError: there is no example, or a number is below 1 or not finite.

    Example:
        >>> plan = plan_batches([5, 5, 5], batch_size=2, shuffle=False)
        >>> plan.steps, plan.epochs
        (((0, 1), (2,)), (0.6666666666666666, 1.0))
    """
    for name, value in (("batch_size", batch_size), ("tokens_per_batch", tokens_per_batch), ("max_steps", max_steps)):
        if value is not None and value < 1:
            raise ConfigurationError(f"{name} is {value}, expected 1 or more.")
    _refuse_endless(sizes, epochs, max_steps, _steps_of_an_epoch(sizes, batch_size, tokens_per_batch))
    if not len(sizes) or not all(map(len, beside)):
        raise ConfigurationError("There is no example to train on.")
    if max_steps is None and not 0 < epochs < math.inf:
        raise ConfigurationError(f"epochs is {epochs}, expected a finite number above 0.")
    drawn = _Epochs(sizes, batch_size, tokens_per_batch, seed, group_by_length, shuffle, beside, mixture)
    return drawn.plan(math.inf if max_steps is not None else epochs, max_steps, across)


def _steps_of_an_epoch(sizes: Sequence[int], batch_size: int, budget: int | None) -> int:
    """About how many steps a pass over the data has; exact without a budget of tokens."""
    return max(1, math.ceil(len(sizes) / batch_size) if budget is None else sum(sizes) // budget)


def _refuse_endless(sizes: Sequence[int], epochs: float, max_steps: int | None, per_epoch: int) -> None:
    """Refuse a plan that no run would finish; it would fill the memory."""
    if max_steps is None and epochs < math.inf and epochs * len(sizes) > MOST_VISITS:
        raise ConfigurationError(
            f"{epochs:g} epochs of {len(sizes)} examples are {epochs * len(sizes):.3g} examples; at most "
            f"{MOST_VISITS:,} are planned.",
            where="epochs",
            fix="Give fewer epochs, or max_steps.",
        )
    steps = epochs * per_epoch if max_steps is None else max_steps
    if math.inf > steps > MOST_STEPS or math.inf > steps / per_epoch > MOST_EPOCHS:
        given = f"{epochs:g} epochs" if max_steps is None else f"max_steps={max_steps:.3g}"
        raise ConfigurationError(
            f"{given} with {len(sizes)} examples are {steps:.3g} steps in {steps / per_epoch:.3g} epochs; at "
            f"most {MOST_STEPS:,} steps and {MOST_EPOCHS:,} epochs are planned.",
            where="epochs" if max_steps is None else "max_steps",
            fix="Give fewer epochs, a larger batch_size, or fewer max_steps.",
        )


@dataclass(frozen=True)
class _Epochs:
    """An endless sequence of epochs of batches, with the accompanying examples of the other sources."""

    sizes: Sequence[int]
    batch_size: int
    budget: int | None
    seed: int
    group: bool
    shuffle: bool
    beside: Sequence[Sequence[int]]
    mixture: Mixture | None

    def plan(self, epochs: float, max_steps: int | None, across: bool) -> Plan:
        """The plan of the given number of epochs or steps."""
        size = len(self.sizes) if self.mixture is None else sum(self.mixture.per_epoch)
        # Fractions of an epoch count examples, so that epochs=0.5 is half of the data for any batch size.
        wanted = max(1, round(epochs * size)) if epochs < math.inf else math.inf
        steps: list[tuple[int, ...]] = []
        ends: list[float] = []
        others: list[tuple[Beside, ...]] = []
        done = 0
        for batch, companions in self._batches():
            if len(steps) == max_steps or done >= wanted:
                break
            done += len(batch)
            steps.append(tuple(batch))
            ends.append(done / size)
            if companions:
                others.append(tuple(companions[index] for index in batch))
        return Plan(tuple(steps), tuple(ends), tuple(others), across)

    def _batches(self) -> Iterator[tuple[list[int], dict[int, Beside]]]:
        for epoch in count():
            batches, companions = self._epoch(epoch)
            yield from ((batch, companions) for batch in batches)

    def _epoch(self, epoch: int) -> tuple[list[list[int]], dict[int, Beside]]:
        rng = np.random.default_rng([self.seed, epoch])
        members: Sequence[int] = range(len(self.sizes))
        if self.mixture is not None:
            members = self.mixture.members(epoch, seed=self.seed, shuffle=self.shuffle)
        places = rng.permutation(len(members)) if self.shuffle else range(len(members))
        order = [members[int(place)] for place in places]
        companions = self._companions(epoch, order)
        sizes = self.sizes
        if companions:
            sizes = [each + self._load(companions[index]) for index, each in enumerate(self.sizes)]
        if self.group:
            order = _by_length(order, sizes, WINDOW * self.batch_size)
        batches = _fill(order, sizes, self.batch_size, self.budget)
        if self.group and self.shuffle:
            batches = [batches[int(place)] for place in rng.permutation(len(batches))]
        return batches, companions

    def _companions(self, epoch: int, order: list[int]) -> dict[int, Beside]:
        """For each example of the first source, the accompanying examples of the others."""
        streams = [
            recycled(len(sizes), epoch * len(order), len(order), seed=self.seed, stream=number, shuffle=self.shuffle)
            for number, sizes in enumerate(self.beside)
        ]
        return dict(zip(order, zip(*streams, strict=True), strict=True)) if streams else {}

    def _load(self, beside: Beside) -> int:
        return sum(sizes[index] for sizes, index in zip(self.beside, beside, strict=True))


def _by_length(order: list[int], sizes: Sequence[int], window: int) -> list[int]:
    parts = (order[start : start + window] for start in range(0, len(order), window))
    return [index for part in parts for index in sorted(part, key=lambda each: (sizes[each], each))]


def _fill(order: list[int], sizes: Sequence[int], batch_size: int, budget: int | None) -> list[list[int]]:
    """Split an order into batches by count, or by a budget of tokens (a larger example is a batch of its own)."""
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
