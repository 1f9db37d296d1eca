"""Floor 6: where new responses come from, again and again."""

from penchant.online.loop import run_online
from penchant.online.pairing import PAIRINGS, Pairing, build_examples
from penchant.online.pairs import select_pairs
from penchant.online.recipe import OnlineRecipe, make_online_recipe, methods

__all__ = [
    "PAIRINGS",
    "OnlineRecipe",
    "Pairing",
    "build_examples",
    "make_online_recipe",
    "methods",
    "run_online",
    "select_pairs",
]
