"""Diagnostics of trained models and of runs: ranking, displacement, gradient entanglement, alarms."""

from penchant.diagnostics.alarms import Alarms
from penchant.diagnostics.displacement import three_d_properties, undesirable_space
from penchant.diagnostics.entanglement import entanglement
from penchant.diagnostics.generalization import compare_rewards, pair_accuracy
from penchant.diagnostics.ranking import alignment_gap, difficulty, idealized_accuracy, ranked_right

__all__ = [
    "Alarms",
    "alignment_gap",
    "compare_rewards",
    "difficulty",
    "entanglement",
    "idealized_accuracy",
    "pair_accuracy",
    "ranked_right",
    "three_d_properties",
    "undesirable_space",
]
