"""Verdicts of claims from measured seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from penchant.errors import ConfigurationError
from penchant.lab.claims.claim import Claim
from penchant.lab.claims.contrast import Contrast
from penchant.statistics import Interval, student_interval

__all__ = ["Effect", "Finding", "Verdict", "judge", "verdict_of"]

Verdict = Literal["reproduced", "not reproduced", "inconclusive"]


@dataclass(frozen=True)
class Effect:
    """A measured contrast: its value over the seeds with a 95 % interval, and its verdict."""

    contrast: Contrast
    interval: Interval
    verdict: Verdict


@dataclass(frozen=True)
class Finding:
    """The result of a claim.

    Args:
        claim: the claim.
        seeds: the seeds that were run.
        arms: the numbers per arm, one per seed.
        effects: the effects of its contrasts.
        seconds: processor time of all seeds.
        sources: the hash of the code that the numbers depend on; empty if unknown.
    """

    claim: type[Claim]
    seeds: tuple[int, ...]
    arms: Mapping[str, tuple[float, ...]]
    effects: tuple[Effect, ...]
    seconds: float
    sources: str = ""

    @property
    def verdict(self) -> Verdict:
        """Reproduced if all effects are; not reproduced if any effect is not; inconclusive otherwise."""
        verdicts = {each.verdict for each in self.effects}
        if verdicts == {"reproduced"}:
            return "reproduced"
        return "not reproduced" if "not reproduced" in verdicts else "inconclusive"


def verdict_of(interval: Interval, contrast: Contrast) -> Verdict:
    """The verdict on a contrast, given the interval of its effect.

    Smallest effect s — reproduced: value ≥ s and low > 0; not reproduced: high < s.
    Not worse by more than m — reproduced: low > −m; not reproduced: high < −m.
    Otherwise inconclusive.

    Args:
        interval: interval of the effect, better − worse.
        contrast: the contrast with its criterion.

    Example:
        >>> large, close = Contrast("a", "b", smallest=0.2), Contrast("a", "b", not_worse_by=0.2)
        >>> verdict_of(Interval(0.3, 0.1, 0.5), large), verdict_of(Interval(0.1, -0.1, 0.3), large)
        ('reproduced', 'inconclusive')
        >>> verdict_of(Interval(0.1, 0.05, 0.15), large), verdict_of(Interval(0.0, -0.15, 0.15), close)
        ('not reproduced', 'reproduced')

    Reference:
        Piaggio et al. (2012), Reporting of Noninferiority and Equivalence Randomized Trials.
    """
    if contrast.smallest is not None:
        bound, shown = contrast.smallest, interval.value >= contrast.smallest and interval.low > 0
    else:
        bound = -(contrast.not_worse_by or 0.0)
        shown = interval.low > bound
    if shown:
        return "reproduced"
    # Comparisons with NaN are false, so NaN is inconclusive.
    return "not reproduced" if interval.high < bound else "inconclusive"


def judge(
    claim: type[Claim], measured: Mapping[int, Mapping[str, float]], seconds: float = 0.0, sources: str = ""
) -> Finding:
    """Judge a claim by its measured seeds.

    Args:
        claim: the claim.
        measured: seed -> arm -> number; at least two seeds.
        seconds: their processor time.
        sources: the hash of the code that produced them.

    Returns:
        The finding.

    Raises:
        ConfigurationError: a seed lacks an arm that a contrast names.
    """
    named = {name for each in claim.contrasts for name in each.arms}
    for seed, arms in measured.items():
        if named - set(arms):
            raise ConfigurationError(
                f"Seed {seed} gave {', '.join(sorted(arms))}, but the contrasts name {', '.join(sorted(named))}.",
                where=f"claim {claim.id}",
            )
    seeds = tuple(sorted(measured))
    effects = []
    for contrast in claim.contrasts:
        interval = student_interval([contrast.effect(measured[seed]) for seed in seeds])
        effects.append(Effect(contrast, interval, verdict_of(interval, contrast)))
    return Finding(claim, seeds, _by_arm(measured, seeds), tuple(effects), seconds, sources)


def _by_arm(measured: Mapping[int, Mapping[str, float]], seeds: Sequence[int]) -> dict[str, tuple[float, ...]]:
    return {arm: tuple(measured[seed][arm] for seed in seeds) for arm in measured[seeds[0]]}
