"""Floor 5: what responses are made of, and what a run does differently for it."""

from penchant.modalities.images import ImageModality
from penchant.modalities.modality import Modality, Teller, find_modality, modality_names
from penchant.modalities.text import TextModality

__all__ = ["ImageModality", "Modality", "Teller", "TextModality", "find_modality", "modality_names"]
