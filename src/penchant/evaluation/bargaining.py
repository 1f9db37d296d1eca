"""Negotiation of groups over additions with costs, and the choices of other rules, for one budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from operator import ge

import numpy as np

from penchant.errors import ConfigurationError

__all__ = ["RULES", "Package", "best_by_rule", "negotiate", "satisfaction"]

_TIE = 1e-12


@dataclass(frozen=True)
class Package:
    """A base design with additions.

    Args:
        base: place of the base design.
        features: places of the additions, in the order in which they were accepted.
        utilities: of each group.
        transcript: each accepted proposal: the group that made it, the addition, and the one it takes the place of.
    """

    base: int
    features: tuple[int, ...]
    utilities: tuple[float, ...]
    transcript: tuple[tuple[int, int, int | None], ...] = field(default=())


#: How a choice of packages is judged by the utilities of the groups; higher is better.
RULES: dict[str, Callable[[Sequence[float]], float]] = {
    "utilitarian": sum,
    "max-min": min,
    "nash": lambda utilities: sum(math.log(each) if each > 0 else -math.inf for each in utilities),
}

Table = Sequence[Sequence[float]]


def negotiate(
    bases: Table,
    features: Table,
    costs: Sequence[float],
    budget: float,
    *,
    tolerance: float = 0.0,
    swaps: bool = False,
) -> Package:
    """Groups bargain over additions: each proposes, and a mediator accepts what helps the worst-off group first.

    The start is the base design with the largest total. In each round every group proposes the affordable change with
    its largest gain per cost. Of the proposals that leave no group below its start less the tolerance, the mediator
    accepts the one with the largest (lowest utility, total), if it raises this pair. It ends when none is left.

    Args:
        bases: for each base design the utility of each group.
        features: for each addition what it adds to the utility of each group.
        costs: of each addition, above 0.
        budget: the largest sum of costs.
        tolerance: how far a group may fall below its start.
        swaps: whether a group may also propose that an addition takes the place of an accepted one. One that costs
            nothing more comes before all others. Without swaps the choice for a single group is the greedy one.

    Raises:
        ConfigurationError: a table has rows of different lengths, or a cost is not above 0.

    Example:
        >>> negotiate([[1.0, 2.0]], [[1.0, 0.0], [0.0, 3.0]], [1.0, 1.0], budget=1.0).features
        (0,)

    Reference:
        Negotiative alignment (2025). The paper's abstract names the bargaining; the rule of acceptance is our reading.
    """
    _check(bases, features, costs)
    base = max(range(len(bases)), key=lambda place: sum(bases[place]))
    start = [each - tolerance - _TIE for each in bases[base]]
    now, chosen = list(bases[base]), list[int]()
    transcript: list[tuple[int, int, int | None]] = []
    while True:
        changes = _changes(chosen, features, costs, budget, swaps)
        offers = []
        for group in range(len(now)):
            if (change := _wish(group, changes)) is not None:
                after = _utilities(bases[base], features, change.of(chosen))
                if all(map(ge, after, start)) and _fairness(after) > _fairness(now):
                    offers.append((_fairness(after), group, change, after))
        if not offers:
            return Package(base, tuple(chosen), tuple(now), tuple(transcript))
        _best, group, change, now = max(offers, key=lambda offer: offer[0])
        chosen = change.of(chosen)
        transcript.append((group, change.added, change.removed))


@dataclass(frozen=True)
class _Change:
    """An addition, in the place of another one or of none, with what it adds to utilities and cost."""

    added: int
    removed: int | None
    gains: tuple[float, ...]
    cost: float

    def of(self, chosen: Sequence[int]) -> list[int]:
        """The additions after it."""
        return [*(each for each in chosen if each != self.removed), self.added]


def _changes(
    chosen: Sequence[int], features: Table, costs: Sequence[float], budget: float, swaps: bool
) -> list[_Change]:
    """The affordable changes of a package."""
    left = budget - sum(costs[each] for each in chosen)
    found = []
    for added in range(len(features)):
        if added in chosen:
            continue
        for removed in (None, *chosen) if swaps else (None,):
            gains, cost = tuple(features[added]), costs[added]
            if removed is not None:
                gains = tuple(one - other for one, other in zip(gains, features[removed], strict=True))
                cost -= costs[removed]
            if cost <= left:
                found.append(_Change(added, removed, gains, cost))
    return found


def _wish(group: int, changes: Sequence[_Change]) -> _Change | None:
    """The change with the largest gain per cost for a group; None if none gains it anything."""

    def rate(change: _Change) -> tuple[float, float]:
        gain = change.gains[group]
        return (gain / change.cost, 0.0) if change.cost > 0 else (math.inf, gain)

    return max((each for each in changes if each.gains[group] > 0), key=rate, default=None)


def _utilities(base: Sequence[float], features: Table, chosen: Sequence[int]) -> list[float]:
    """Of a package, which depend on it alone and not on the way to it: no package can come twice."""
    return [own + sum(features[each][group] for each in sorted(chosen)) for group, own in enumerate(base)]


def _fairness(utilities: Sequence[float]) -> tuple[float, float]:
    """What the mediator compares: the lowest utility, then the total."""
    return min(utilities), sum(utilities)


def best_by_rule(rule: str, bases: Table, features: Table, costs: Sequence[float], budget: float) -> Package:
    """The affordable package that a rule of `RULES` finds best, among all: for few additions.

    Args:
        rule: ``utilitarian``, ``max-min`` or ``nash`` (the product of utilities).
        bases: see `negotiate`.
        features: see `negotiate`, at most 16.
        costs: see `negotiate`.
        budget: see `negotiate`.

    Raises:
        ConfigurationError: there is no such rule, there are too many additions, or a table is malformed.

    Example:
        >>> best_by_rule("utilitarian", [[1.0, 2.0]], [[1.0, 0.0], [0.0, 3.0]], [1.0, 1.0], 1.0).features
        (1,)
    """
    _check(bases, features, costs)
    if rule not in RULES or len(features) > 16:
        raise ConfigurationError(
            f"The rule is {rule!r} with {len(features)} additions; expected one of {', '.join(RULES)}, and at most 16."
        )
    found, best = Package(0, (), tuple(bases[0])), -math.inf
    for base, own in enumerate(bases):
        for size in range(len(features) + 1):
            for picked in combinations(range(len(features)), size):
                if sum(costs[each] for each in picked) > budget:
                    continue
                utilities = tuple(u + sum(features[each][g] for each in picked) for g, u in enumerate(own))
                if (value := RULES[rule](utilities)) > best:
                    found, best = Package(base, picked, utilities), value
    return found


def satisfaction(utilities: Sequence[Sequence[float]]) -> list[float]:
    """For each package the 20th percentile, over the groups, of their satisfaction.

    A group's satisfaction is its utility, scaled to 0 at its lowest and 1 at its highest among these packages; 1 where
    they are all alike to it.

    Args:
        utilities: for each package those of the groups.

    Example:
        >>> satisfaction([[1.0, 3.0], [2.0, 1.0], [2.0, 3.0]])
        [0.2, 0.2, 1.0]
    """
    table = np.asarray(utilities, dtype=float)
    low, span = table.min(axis=0), np.ptp(table, axis=0)
    scaled = np.where(span > 0, (table - low) / np.where(span > 0, span, 1.0), 1.0)
    return [float(each) for each in np.percentile(scaled, 20, axis=1)]


def _check(bases: Table, features: Table, costs: Sequence[float]) -> None:
    widths = {len(row) for row in (*bases, *features)}
    if not bases or len(widths) != 1 or 0 in widths or len(costs) != len(features) or not all(c > 0 for c in costs):
        raise ConfigurationError(
            f"There are {len(bases)} base designs, {len(features)} additions and {len(costs)} costs, for "
            f"{sorted(widths)} groups; expected at least one base, one utility for each group everywhere, and a cost "
            "above 0 for each addition."
        )
