"""Rendering of texts to tokens, shared by training, scoring, generation and checks: renderer, templates, truncation."""

from penchant.rendering.renderer import Renderer
from penchant.rendering.tokenizer import load_tokenizer
from penchant.rendering.truncation import CutTable, Fitted, Truncation

__all__ = ["CutTable", "Fitted", "Renderer", "Truncation", "load_tokenizer"]
