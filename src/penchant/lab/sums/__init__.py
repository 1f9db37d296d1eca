"""Tiny worlds whose answers can be checked: sums, and small programs."""

from penchant.lab.sums.checked import CheckedWorld, ProgramsWorld, SumsWorld
from penchant.lab.sums.experiment import METHODS, Outcome, Plan, run_sums, train_start
from penchant.lab.sums.programs import run_program, write_program
from penchant.lab.sums.world import build_tokenizer, careless_demonstrations, problems

__all__ = [
    "METHODS",
    "CheckedWorld",
    "Outcome",
    "Plan",
    "ProgramsWorld",
    "SumsWorld",
    "build_tokenizer",
    "careless_demonstrations",
    "problems",
    "run_program",
    "run_sums",
    "train_start",
    "write_program",
]
