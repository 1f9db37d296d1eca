"""The lab: small worlds with known ground truth, for experiments and for testing claims of papers.

Names are loaded lazily.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penchant.lazy import load

if TYPE_CHECKING:
    from penchant.lab import claims
    from penchant.lab.pretrained import Pretraining
    from penchant.lab.worlds import catalogue, digits, facts, language, shapes, sums, tabular
    from penchant.lab.worlds.agents import AgentsWorld
    from penchant.lab.worlds.catalogue import CatalogueWorld
    from penchant.lab.worlds.digits import DigitsWorld
    from penchant.lab.worlds.facts import FactsWorld
    from penchant.lab.worlds.language import Annotator, LanguageWorld
    from penchant.lab.worlds.shapes import ShapesWorld
    from penchant.lab.worlds.shop import ShopWorld
    from penchant.lab.worlds.sums import ProgramsWorld, SumsWorld
    from penchant.lab.worlds.words_game.world import WordsWorld

__all__ = [
    "AgentsWorld",
    "Annotator",
    "CatalogueWorld",
    "DigitsWorld",
    "FactsWorld",
    "LanguageWorld",
    "Pretraining",
    "ProgramsWorld",
    "ShapesWorld",
    "ShopWorld",
    "SumsWorld",
    "WordsWorld",
    "catalogue",
    "claims",
    "digits",
    "facts",
    "language",
    "shapes",
    "sums",
    "tabular",
]

_HOMES = {
    "AgentsWorld": "penchant.lab.worlds.agents",
    "Annotator": "penchant.lab.worlds.language",
    "CatalogueWorld": "penchant.lab.worlds.catalogue",
    "DigitsWorld": "penchant.lab.worlds.digits",
    "FactsWorld": "penchant.lab.worlds.facts",
    "LanguageWorld": "penchant.lab.worlds.language",
    "Pretraining": "penchant.lab.pretrained",
    "ProgramsWorld": "penchant.lab.worlds.sums",
    "ShapesWorld": "penchant.lab.worlds.shapes",
    "ShopWorld": "penchant.lab.worlds.shop",
    "SumsWorld": "penchant.lab.worlds.sums",
    "WordsWorld": "penchant.lab.worlds.words_game.world",
    "catalogue": "penchant.lab.worlds",
    "digits": "penchant.lab.worlds",
    "facts": "penchant.lab.worlds",
    "language": "penchant.lab.worlds",
    "shapes": "penchant.lab.worlds",
    "sums": "penchant.lab.worlds",
    "tabular": "penchant.lab.worlds",
}


def __getattr__(name: str) -> Any:
    return load(__name__, name, __all__, _HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
