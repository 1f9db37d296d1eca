"""Floor 5: what responses are made of, and what a run does differently for it."""

from penchant.media.images import ImageMedium
from penchant.media.medium import Medium, Teller, find_medium, medium_names
from penchant.media.text import TextMedium

__all__ = ["ImageMedium", "Medium", "Teller", "TextMedium", "find_medium", "medium_names"]
