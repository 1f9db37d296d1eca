"""Floor 5: what responses are made of, and what a run does differently for it."""

from penchant.modalities.images import ImageMedium
from penchant.modalities.modality import Medium, Teller, find_medium, medium_names
from penchant.modalities.text import TextMedium

__all__ = ["ImageMedium", "Medium", "Teller", "TextMedium", "find_medium", "medium_names"]
