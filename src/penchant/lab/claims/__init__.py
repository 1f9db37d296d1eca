"""Claims of papers, held to small worlds whose truth is known."""

from penchant.lab.claims.claim import TEST_SEEDS, TUNING_SEEDS, Claim, Contrast, all_claims, find_claim
from penchant.lab.claims.judging import Effect, Finding, judge, verdict_of

__all__ = [
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
