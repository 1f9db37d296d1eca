"""Contrasts: the effects that a claim predicts, as differences of two arms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from penchant.errors import ConfigurationError

__all__ = ["Contrast"]


@dataclass(frozen=True)
class Contrast:
    """One effect of a claim: an arm is better than another arm or a number, or not worse by more than a margin.

    effect = mean over the seeds of (better − worse), with its 95 % interval

    Args:
        better: the arm that should have the larger value, or one not much smaller.
        worse: the other arm, or a number. If lower values are better, the arm with the lower value is ``worse`` here.
        smallest: the smallest effect that counts as reproduced, in units of the measured quantity, above 0
            (superiority).
        not_worse_by: the margin by which ``better`` may fall short, in the same unit, above 0 (non-inferiority).
            Exactly one of ``smallest`` and ``not_worse_by`` is given.

    Raises:
        ConfigurationError: both or neither are given, or the value is not above 0.

    Example:
        >>> str(Contrast("rdpo", "dpo", smallest=0.05))
        'rdpo − dpo ≥ 0.05'
        >>> str(Contrast("dpo", "ipo", not_worse_by=0.05))
        'dpo − ipo > −0.05'
    """

    better: str
    worse: str | float
    smallest: float | None = None
    not_worse_by: float | None = None

    def __post_init__(self) -> None:
        given = [each for each in (self.smallest, self.not_worse_by) if each is not None]
        if len(given) != 1 or not given[0] > 0:
            raise ConfigurationError(
                f"The contrast {self.difference} has smallest={self.smallest!r}, not_worse_by={self.not_worse_by!r}, "
                "expected exactly one of them, above 0.",
                fix="Use smallest= for superiority, not_worse_by= for non-inferiority.",
            )

    def __str__(self) -> str:
        return f"{self.difference} {self.promise}"

    @property
    def difference(self) -> str:
        """The effect as text, such as ``rdpo − dpo``."""
        return f"{self.better} − {self.worse if isinstance(self.worse, str) else format(self.worse, 'g')}"

    @property
    def promise(self) -> str:
        """The criterion as text: ``≥ 0.05``, or ``> −0.05`` for non-inferiority with margin 0.05."""
        return f"≥ {self.smallest:g}" if self.smallest is not None else f"> −{self.not_worse_by:g}"

    @property
    def arms(self) -> tuple[str, ...]:
        """The names of its arms."""
        return (self.better, self.worse) if isinstance(self.worse, str) else (self.better,)

    def effect(self, arms: Mapping[str, float]) -> float:
        """The effect for one seed."""
        return arms[self.better] - (arms[self.worse] if isinstance(self.worse, str) else self.worse)
