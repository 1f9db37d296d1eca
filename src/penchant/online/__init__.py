"""Online training: rounds of sampling, judging and training.

Names are imported on first use, so that choosing pairs does not import the trainer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penchant.lazy import load

if TYPE_CHECKING:
    from penchant.online.loop import run_online
    from penchant.online.pairing import PAIRINGS, Pairing, build_examples, build_pairing
    from penchant.online.pairs import select_pairs
    from penchant.online.recipe import OnlineRecipe, make_online_recipe, methods
    from penchant.online.reference_updates import REFERENCE_UPDATES, ReferenceUpdate

__all__ = [
    "PAIRINGS",
    "REFERENCE_UPDATES",
    "OnlineRecipe",
    "Pairing",
    "ReferenceUpdate",
    "build_examples",
    "build_pairing",
    "make_online_recipe",
    "methods",
    "run_online",
    "select_pairs",
]

_HOMES = {
    "PAIRINGS": "penchant.online.pairing",
    "REFERENCE_UPDATES": "penchant.online.reference_updates",
    "OnlineRecipe": "penchant.online.recipe",
    "Pairing": "penchant.online.pairing",
    "ReferenceUpdate": "penchant.online.reference_updates",
    "build_examples": "penchant.online.pairing",
    "build_pairing": "penchant.online.pairing",
    "make_online_recipe": "penchant.online.recipe",
    "methods": "penchant.online.recipe",
    "run_online": "penchant.online.loop",
    "select_pairs": "penchant.online.pairs",
}


def __getattr__(name: str) -> Any:
    return load(__name__, name, __all__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
