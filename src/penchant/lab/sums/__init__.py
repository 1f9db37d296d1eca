"""A tiny world of sums: every answer can be checked."""

from penchant.lab.sums.experiment import METHODS, Outcome, Plan, run_sums, train_start
from penchant.lab.sums.world import build_tokenizer, careless_demonstrations, problems

__all__ = [
    "METHODS",
    "Outcome",
    "Plan",
    "build_tokenizer",
    "careless_demonstrations",
    "problems",
    "run_sums",
    "train_start",
]
