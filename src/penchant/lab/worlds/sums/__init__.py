"""Worlds with verifiable answers: sums, and short programs."""

from penchant.lab.worlds.programs.world import run_program, write_program
from penchant.lab.worlds.sums.checked import CheckedWorld, ProgramsWorld, SumsWorld
from penchant.lab.worlds.sums.experiment import METHODS, Outcome, Plan, run_sums, train_start
from penchant.lab.worlds.sums.world import build_tokenizer, careless_demonstrations, problems

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
