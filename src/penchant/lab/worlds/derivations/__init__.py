"""Sums with a written derivation, one line a step."""

from penchant.lab.worlds.derivations.methods import DERIVATIONS
from penchant.lab.worlds.derivations.world import careless_derivations, derivation, sums_with_answers

__all__ = ["DERIVATIONS", "careless_derivations", "derivation", "sums_with_answers"]
