"""Floor 6: where new responses come from, again and again.

Names are loaded when they are first used: choosing pairs is arithmetic, and should not wait for a trainer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penchant.lazy import load

if TYPE_CHECKING:
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

_HOMES = {
    "PAIRINGS": "penchant.online.pairing",
    "OnlineRecipe": "penchant.online.recipe",
    "Pairing": "penchant.online.pairing",
    "build_examples": "penchant.online.pairing",
    "make_online_recipe": "penchant.online.recipe",
    "methods": "penchant.online.recipe",
    "run_online": "penchant.online.loop",
    "select_pairs": "penchant.online.pairs",
}


def __getattr__(name: str) -> Any:
    return load(__name__, name, __all__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
