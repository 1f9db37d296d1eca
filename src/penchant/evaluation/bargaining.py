"""Negotiation of groups over additions with costs, and the choices of other rules, for one budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

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
        transcript: each accepted proposal: the group that made it, and the addition.
    """

    base: int
    features: tuple[int, ...]
    utilities: tuple[float, ...]
    transcript: tuple[tuple[int, int], ...] = field(default=())


#: How a choice of packages is judged by the utilities of the groups; higher is better.
RULES: dict[str, Callable[[Sequence[float]], float]] = {
    "utilitarian": sum,
    "max-min": min,
    "nash": lambda utilities: sum(math.log(each) if each > 0 else -math.inf for each in utilities),
}

Table = Sequence[Sequence[float]]


def negotiate(
    bases: Table, features: Table, costs: Sequence[float], budget: float, *, tolerance: float = 0.0
) -> Package:
    """Groups bargain over additions: each proposes, and a mediator accepts what helps the worst-off group first.

    The start is the base design with the largest total. In each round every group proposes the affordable addition with
    its largest gain per cost. Of the proposals that leave no group below its start less the tolerance, the mediator
    accepts the one with the largest (lowest utility, total), if it does not lower this pair. It ends when none is left.

    Args:
        bases: for each base design the utility of each group.
        features: for each addition what it adds to the utility of each group.
        costs: of each addition, above 0.
        budget: the largest sum of costs.
        tolerance: how far a group may fall below its start.

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
    start, chosen, left = list(bases[base]), list[tuple[int, int]](), budget
    now = list(start)
    while True:
        free = [each for each in range(len(features)) if each not in {f for _g, f in chosen} and costs[each] <= left]
        proposals = [(group, each) for group in range(len(now)) if (each := _wish(group, free, features, costs)) >= 0]
        after = {each: [u + gain for u, gain in zip(now, features[each], strict=True)] for _group, each in proposals}
        allowed = [
            (group, each)
            for group, each in proposals
            if all(u >= s - tolerance - _TIE for u, s in zip(after[each], start, strict=True))
            and (min(after[each]), sum(after[each])) > (min(now), sum(now))
        ]
        if not allowed:
            return Package(base, tuple(each for _group, each in chosen), tuple(now), tuple(chosen))
        best = max(allowed, key=lambda proposal: (min(after[proposal[1]]), sum(after[proposal[1]])))
        chosen.append(best)
        now, left = after[best[1]], left - costs[best[1]]


def _wish(group: int, free: Sequence[int], features: Table, costs: Sequence[float]) -> int:
    """The addition with the largest gain per cost for a group; −1 if none gains it anything."""
    best = max(free, key=lambda each: features[each][group] / costs[each], default=-1)
    return best if best >= 0 and features[best][group] > 0 else -1


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
