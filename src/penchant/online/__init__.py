"""Floor 6: where new responses come from, again and again.

Names are loaded when they are first used: choosing pairs is arithmetic, and should not wait for a trainer.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

_HOME = {
    "PAIRINGS": "pairing",
    "OnlineRecipe": "recipe",
    "Pairing": "pairing",
    "build_examples": "pairing",
    "make_online_recipe": "recipe",
    "methods": "recipe",
    "run_online": "loop",
    "select_pairs": "pairs",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"penchant.online.{_HOME[name]}"), name)
    raise AttributeError(f"module 'penchant.online' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
