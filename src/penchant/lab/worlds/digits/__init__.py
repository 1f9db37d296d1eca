"""The digits of scikit-learn: real images small enough to learn on a CPU, with rewards that can be computed."""

from penchant.lab.worlds.digits.alignment import SMALL, align, base_model
from penchant.lab.worlds.digits.digits_world import DigitsWorld
from penchant.lab.worlds.digits.judging import DigitJudge, frechet_distance
from penchant.lab.worlds.digits.world import STEPS, DigitsOutcome, DigitsPlan, run_digits

__all__ = [
    "SMALL",
    "STEPS",
    "DigitJudge",
    "DigitsOutcome",
    "DigitsPlan",
    "DigitsWorld",
    "align",
    "base_model",
    "frechet_distance",
    "run_digits",
]
