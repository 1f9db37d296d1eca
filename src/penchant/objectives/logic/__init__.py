"""Preference losses as propositional logic: their formulas, entailment, and losses compiled from formulas."""

from penchant.objectives.logic.counting import log_count
from penchant.objectives.logic.derivation import Neighbour, neighbours, preference_losses, relation
from penchant.objectives.logic.known import KNOWN, KnownLoss, known
from penchant.objectives.logic.objective import LogicLoss, compile_structure
from penchant.objectives.logic.propositions import ATOMS, Proposition, atom
from penchant.objectives.logic.reading import read_formula
from penchant.objectives.logic.structures import PreferenceStructure, Structure, all_structures
from penchant.objectives.logic.writing import polynomial_text, write_formula

__all__ = [
    "ATOMS",
    "KNOWN",
    "KnownLoss",
    "LogicLoss",
    "Neighbour",
    "PreferenceStructure",
    "Proposition",
    "Structure",
    "all_structures",
    "atom",
    "compile_structure",
    "known",
    "log_count",
    "neighbours",
    "polynomial_text",
    "preference_losses",
    "read_formula",
    "relation",
    "write_formula",
]
