"""The digits of scikit-learn: real images small enough to learn on a CPU, with rewards that can be computed."""

from penchant.lab.digits.judging import DigitJudge, frechet_distance
from penchant.lab.digits.world import STEPS, DigitsOutcome, DigitsPlan, run_digits

__all__ = ["STEPS", "DigitJudge", "DigitsOutcome", "DigitsPlan", "frechet_distance", "run_digits"]
