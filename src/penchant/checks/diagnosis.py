"""`Check` and `Diagnosis`, the results of the checks: verdicts and length statistics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

__all__ = ["Check", "Diagnosis", "Verdict", "joined", "share", "summary_of_lengths"]

Verdict = Literal["ok", "note", "warning", "error"]


@dataclass(frozen=True)
class Check:
    """The result of one check.

    Args:
        name: what was checked.
        value: what was found, in a few words.
        verdict: ``ok``; ``note``, for information; ``warning``, may harm training; ``error``, makes training wrong.
        detail: where, why it matters, what to do.
    """

    name: str
    value: str
    verdict: Verdict = "ok"
    detail: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """The results of all checks of a set of feedback.

    Args:
        checks: the results, in display order.
        lengths: for each part of a record (prompt, chosen, rejected, completion, completions) mean, p50, p95 and max.
        unit: unit of lengths: tokens, or words if no tokenizer was given.

    Example:
        >>> Diagnosis([Check("records", "3"), Check("end token", "2 missing", "error")]).failed
        True
    """

    checks: list[Check]
    lengths: dict[str, dict[str, float]] = field(default_factory=dict)
    unit: str = "tokens"

    @property
    def failed(self) -> bool:
        """Whether any check found an error."""
        return any(check.verdict == "error" for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """The content of ``doctor.json``."""
        checks = [
            {"name": check.name, "value": check.value, "verdict": check.verdict, "detail": check.detail}
            for check in self.checks
        ]
        return {"checks": checks, "lengths": self.lengths, "unit": self.unit, "failed": self.failed}


def joined(parts: Mapping[str, Diagnosis]) -> Diagnosis:
    """Merge the diagnoses of several sources; the name of each check and length starts with its source.

    Args:
        parts: diagnoses by source name; names of an unnamed source stay unchanged.

    Example:
        >>> joined({"forget": Diagnosis([Check("records", "3")])}).checks[0].name
        'forget: records'
    """
    named = {f"{name}: " if name else "": each for name, each in parts.items()}
    checks = [replace(check, name=lead + check.name) for lead, each in named.items() for check in each.checks]
    lengths = {lead + part: figures for lead, each in named.items() for part, figures in each.lengths.items()}
    return Diagnosis(checks, lengths, next(iter(parts.values())).unit)


def share(count: int, total: int) -> str:
    """A count with its percentage.

    Example:
        >>> share(3, 12)
        '3 (25.0 %)'
    """
    return f"{count} ({100 * count / total:.1f} %)" if count else "0"


def summary_of_lengths(lengths: Sequence[int]) -> dict[str, float]:
    """Mean, median, 95th percentile (nearest rank) and maximum.

    Example:
        >>> summary_of_lengths([1, 2, 3, 10])
        {'mean': 4.0, 'p50': 2, 'p95': 10, 'max': 10}
    """
    ordered = sorted(lengths)
    rank = {name: ordered[math.ceil(part * len(ordered)) - 1] for name, part in (("p50", 0.5), ("p95", 0.95))}
    return {"mean": round(sum(ordered) / len(ordered), 2), **rank, "max": ordered[-1]}
