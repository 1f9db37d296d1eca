"""The digits world: the digits of scikit-learn, real images small enough for a CPU, with computable rewards."""

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
