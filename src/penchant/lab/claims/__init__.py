"""Claims of papers, tested in small worlds with known ground truth.

Names are loaded lazily: reading recorded verdicts (`penchant.lab.claims.record`) needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penchant.lazy import load

if TYPE_CHECKING:
    from penchant.lab.claims.claim import CLAIMS, TEST_SEEDS, TUNING_SEEDS, Claim, all_claims, find_claim
    from penchant.lab.claims.contrast import Contrast
    from penchant.lab.claims.judging import Effect, Finding, judge, verdict_of

__all__ = [
    "CLAIMS",
    "TEST_SEEDS",
    "TUNING_SEEDS",
    "Claim",
    "Contrast",
    "Effect",
    "Finding",
    "all_claims",
    "find_claim",
    "judge",
    "verdict_of",
]

_HOMES = {
    "CLAIMS": "penchant.lab.claims.claim",
    "TEST_SEEDS": "penchant.lab.claims.claim",
    "TUNING_SEEDS": "penchant.lab.claims.claim",
    "Claim": "penchant.lab.claims.claim",
    "Contrast": "penchant.lab.claims.contrast",
    "Effect": "penchant.lab.claims.judging",
    "Finding": "penchant.lab.claims.judging",
    "all_claims": "penchant.lab.claims.claim",
    "find_claim": "penchant.lab.claims.claim",
    "judge": "penchant.lab.claims.judging",
    "verdict_of": "penchant.lab.claims.judging",
}


def __getattr__(name: str) -> Any:
    return load(__name__, name, __all__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
