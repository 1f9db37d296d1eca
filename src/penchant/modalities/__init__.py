"""Modalities: what a run does differently for text and for images."""

from penchant.modalities.images import ImageModality
from penchant.modalities.modality import MODALITIES, Modality, find_modality
from penchant.modalities.text import TextModality

__all__ = ["MODALITIES", "ImageModality", "Modality", "TextModality", "find_modality"]
