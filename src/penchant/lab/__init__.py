"""Tiny worlds whose truth is known, where claims are tested."""

from penchant.lab import claims, digits, facts, language, shapes, sums, tabular
from penchant.lab.digits import DigitsWorld
from penchant.lab.facts import FactsWorld
from penchant.lab.language import Annotator, LanguageWorld
from penchant.lab.pretrained import Pretraining
from penchant.lab.shapes import ShapesWorld
from penchant.lab.sums import ProgramsWorld, SumsWorld

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
