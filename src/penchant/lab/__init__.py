"""Tiny worlds whose truth is known, where claims are tested."""

from penchant.lab import claims
from penchant.lab.pretrained import Pretraining
from penchant.lab.worlds import digits, facts, language, shapes, sums, tabular
from penchant.lab.worlds.digits import DigitsWorld
from penchant.lab.worlds.facts import FactsWorld
from penchant.lab.worlds.language import Annotator, LanguageWorld
from penchant.lab.worlds.shapes import ShapesWorld
from penchant.lab.worlds.sums import ProgramsWorld, SumsWorld

__all__ = [
    "Annotator",
    "DigitsWorld",
    "FactsWorld",
    "LanguageWorld",
    "Pretraining",
    "ProgramsWorld",
    "ShapesWorld",
    "SumsWorld",
    "claims",
    "digits",
    "facts",
    "language",
    "shapes",
    "sums",
    "tabular",
]
